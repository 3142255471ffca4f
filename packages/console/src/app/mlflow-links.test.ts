import { expect, test } from 'vitest'
import { pageOfMlflowLink } from './mlflow-links.ts'

test('links that MLflow clients print open the same thing here', () => {
  expect(pageOfMlflowLink('#/experiments/26')).toBe('/experiments/26')
  expect(pageOfMlflowLink('#/experiments/26/runs/f9e9943c')).toBe('/experiments/26/runs/f9e9943c')
  expect(pageOfMlflowLink('#/models/fraud/versions/3')).toBe('/models/fraud/3')
  expect(pageOfMlflowLink('#/models/fraud')).toBe('/models/fraud')
})

test('any other hash is left alone', () => {
  for (const hash of ['', '#', '#gates', '#//evil.example', '#/experiments/1/../../x'])
    expect(pageOfMlflowLink(hash)).toBeNull()
})
