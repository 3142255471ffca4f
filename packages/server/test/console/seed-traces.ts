const SPAN = 1_000_000

/** One traced answer of three steps, sent as OpenTelemetry sends it, with a thumb up. Returns its id. */
export async function seedTraces(url: string, experimentId: string): Promise<string> {
  const id = '0af7651916cd43dd8448eb211c80319c'
  const began = Date.now() * SPAN - 2_000 * SPAN
  const span = (given: {
    id: string
    parent?: string
    name: string
    kind: string
    from: number
    took: number
    inputs: unknown
    outputs: unknown
  }) => ({
    traceId: id,
    spanId: given.id,
    ...(given.parent === undefined ? {} : { parentSpanId: given.parent }),
    name: given.name,
    startTimeUnixNano: String(began + given.from * SPAN),
    endTimeUnixNano: String(began + (given.from + given.took) * SPAN),
    attributes: [
      { key: 'mlflow.spanType', value: { stringValue: JSON.stringify(given.kind) } },
      { key: 'mlflow.spanInputs', value: { stringValue: JSON.stringify(given.inputs) } },
      { key: 'mlflow.spanOutputs', value: { stringValue: JSON.stringify(given.outputs) } },
    ],
    status: { code: 1 },
  })
  const question = { question: 'When do you open?' }
  const spans = [
    span({
      ...{ id: 'b7ad6b7169203331', name: 'answer a question', kind: 'AGENT', from: 0, took: 930 },
      ...{ inputs: question, outputs: 'At nine.' },
    }),
    span({
      ...{ id: 'b7ad6b7169203332', parent: 'b7ad6b7169203331', name: 'look up', kind: 'RETRIEVER' },
      ...{ from: 12, took: 180, inputs: question, outputs: ['opening hours: 9 to 17'] },
    }),
    span({
      ...{ id: 'b7ad6b7169203333', parent: 'b7ad6b7169203331', name: 'write', kind: 'CHAT_MODEL' },
      ...{ from: 205, took: 700, inputs: question, outputs: 'At nine.' },
    }),
  ]
  const sent = await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mlflow-experiment-id': experimentId },
    body: JSON.stringify({
      resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans }] }],
    }),
  })
  if (!sent.ok) throw new Error(await sent.text())
  const traceId = `tr-${id}`
  const judged = await fetch(`${url}/api/3.0/mlflow/traces/${traceId}/assessments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      assessment: {
        assessment_name: 'helpful',
        source: { source_type: 'HUMAN', source_id: 'ada' },
        feedback: { value: true },
        rationale: 'says it in two words',
      },
    }),
  })
  if (!judged.ok) throw new Error(await judged.text())
  return traceId
}
