import { expect, test } from 'vitest'
import { readQueue } from './backend-watch.ts'

test('vLLM’s waiting and running calls are added over its engines; other text tells nothing', () => {
  const metrics = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="llama"} 4.0
vllm:num_requests_waiting{engine="0",model_name="llama"} 2.0
vllm:num_requests_waiting{engine="1",model_name="llama"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="llama"} 0.25
`
  expect(readQueue(metrics)).toBe(7)
  expect(readQueue('up 1')).toBeNull()
})
