import protobuf from 'protobufjs'

const field = (id: number, type: string) => ({ id, type })
const list = (id: number, type: string) => ({ id, type, rule: 'repeated' })

/** The part of ONNX (onnx/onnx.proto) that a table of vectors needs. */
const Model = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field(1, 'int64'),
        graph: field(7, 'GraphProto'),
        opsetImport: list(8, 'OperatorSetIdProto'),
      },
    },
    OperatorSetIdProto: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    GraphProto: {
      fields: {
        node: list(1, 'NodeProto'),
        name: field(2, 'string'),
        initializer: list(5, 'TensorProto'),
        input: list(11, 'ValueInfoProto'),
        output: list(12, 'ValueInfoProto'),
      },
    },
    NodeProto: {
      fields: { input: list(1, 'string'), output: list(2, 'string'), opType: field(4, 'string') },
    },
    TensorProto: {
      fields: {
        dims: list(1, 'int64'),
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
      },
    },
    ValueInfoProto: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
    TypeProto: { fields: { tensorType: field(1, 'TensorType') } },
    TensorType: { fields: { elemType: field(1, 'int32'), shape: field(2, 'Shape') } },
    Shape: { fields: { dim: list(1, 'Dim') } },
    Dim: { fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') } },
  },
}).lookupType('ModelProto')

const FLOAT = 1
const INT64 = 7

/** A model that gives for each token its row of `table`: `last_hidden_state[b, t] = table[input_ids[b, t]]`. */
export function tableModel(table: readonly (readonly number[])[]): Uint8Array {
  const width = table[0]?.length ?? 0
  const value = (name: string, elemType: number, ...dims: (string | number)[]) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: {
          dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })),
        },
      },
    },
  })
  return Model.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'table',
      node: [{ opType: 'Gather', input: ['table', 'input_ids'], output: ['last_hidden_state'] }],
      initializer: [
        {
          name: 'table',
          dims: [table.length, width],
          dataType: FLOAT,
          rawData: Buffer.from(Float32Array.from(table.flat()).buffer),
        },
      ],
      input: [value('input_ids', INT64, 'b', 't'), value('attention_mask', INT64, 'b', 't')],
      output: [value('last_hidden_state', FLOAT, 'b', 't', width)],
    },
  }).finish()
}
