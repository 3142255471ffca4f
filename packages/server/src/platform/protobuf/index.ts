export {
  fieldsOf,
  numberOf,
  openBytes,
  openFile,
  textOf,
  type ByteSource,
  type Field,
} from './protobuf-reader.ts'
export { bytesField, numberField, textField } from './protobuf-writer.ts'
