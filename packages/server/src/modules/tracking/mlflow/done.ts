/** MLflow's answer to a write: an empty object, once it is on disk. */
export const done = async (work: Promise<unknown>): Promise<object> => {
  await work
  return {}
}
