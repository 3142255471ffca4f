import { expect, test } from 'vitest'
import { readServerLoad } from './server-load.ts'

// As the servers write it: vLLM 0.11 with two engines, vLLM 0.8 (vllm-project/production-stack#318), SGLang 0.5 and llama.cpp's server.
const VLLM = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="llama"} 4.0
vllm:num_requests_running{engine="1",model_name="llama"} 0.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
vllm:num_requests_waiting{engine="0",model_name="llama"} 2.0
vllm:num_requests_waiting{engine="1",model_name="llama"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="llama"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="llama"} 0.5
vllm:prompt_tokens_total{engine="0",model_name="llama"} 9.1e+06
`
const OLD_VLLM = `# TYPE vllm:gpu_cache_usage_perc gauge
vllm:num_requests_running{model_name="Qwen/Qwen2.5-Coder-32B-Instruct"} 0.0
vllm:num_requests_waiting{model_name="Qwen/Qwen2.5-Coder-32B-Instruct"} 0.0
vllm:gpu_cache_usage_perc{model_name="Qwen/Qwen2.5-Coder-32B-Instruct"} 0.0
`
const SGLANG = `sglang:num_running_reqs{model_name="m"} 161.0
sglang:num_queue_reqs{model_name="m"} 2826.0
sglang:token_usage{model_name="m"} 0.28
`
const LLAMA = `# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 3
`

test.each([
  ['vLLM over its engines', VLLM, { running: 4, waiting: 3, kvCacheUse: 0.5 }],
  ['an older vLLM', OLD_VLLM, { running: 0, waiting: 0, kvCacheUse: 0 }],
  ['SGLang', SGLANG, { running: 161, waiting: 2826, kvCacheUse: 0.28 }],
  ['llama.cpp', LLAMA, { running: 1, waiting: 3, kvCacheUse: null }],
  ['other text', 'up 1\nvllm:num_requests_running NaN', null],
])('the load of %s is read', (_name, metrics, load) => {
  expect(readServerLoad(metrics)).toEqual(load)
})
