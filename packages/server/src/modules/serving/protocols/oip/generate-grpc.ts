import { elementAt } from '../../tensor.ts'
import type { LlmCall } from '../../llm/llm-call.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import { generateText, readGeneration } from './generate-llm.ts'
import { readGrpcCall, writeGrpcAnswer, type GrpcInferRequest } from './grpc-codec.ts'

/** An LLM over `ModelStreamInfer`, as Triton's vLLM backend is asked: tensors `text_input`, `stream` and `sampling_parameters` in, `text_output` out, once or piece by piece. */
export async function generateOnStream(
  gateway: LlmGateway,
  own: Omit<LlmCall, 'operation' | 'wire' | 'bytes' | 'body' | 'isStream'> & {
    request: GrpcInferRequest
    isGone: () => boolean
  },
  write: (message: object) => void
): Promise<void> {
  const { request, isGone, ...caller } = own
  const call = readGrpcCall(request)
  const body = Object.fromEntries(call.inputs.map((tensor) => [tensor.name, elementAt(tensor, 0)]))
  const tell = (text: string): void => {
    const output = { name: 'text_output', datatype: 'BYTES', shape: [1], data: [text] } as const
    write({
      infer_response: writeGrpcAnswer(
        request.model_name,
        { ...call, outputs: null },
        {
          predictionId: caller.requestId,
          variant: caller.variant ?? '',
          model: { name: request.model_name, version: 1 },
          rows: 1,
          outputs: [output],
        }
      ),
    })
  }
  await generateText(
    gateway,
    { ...caller, isStream: body['stream'] === true, generation: readGeneration(body) },
    {
      text(piece) {
        tell(piece)
        return true
      },
      error: (message) => write({ error_message: message, infer_response: { id: request.id } }),
      isGone,
      onGone: () => undefined,
      onDrain: () => undefined,
    }
  )
}
