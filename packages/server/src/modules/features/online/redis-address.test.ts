import { expect, test } from 'vitest'
import { parseRedisUrl } from './redis-address.ts'

test('one host, a password and a database', () => {
  expect(parseRedisUrl('rediss://me:p%40ss@cache.local:7000/3')).toEqual({
    nodes: [{ host: 'cache.local', port: 7000 }],
    isCluster: false,
    isTls: true,
    username: 'me',
    password: 'p@ss',
    database: 3,
    shown: 'rediss://cache.local:7000',
  })
})

test('several hosts are a cluster', () => {
  expect(parseRedisUrl('redis://a:1,b,[::1]:3')).toMatchObject({
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 6379 },
      { host: '::1', port: 3 },
    ],
    isCluster: true,
    password: null,
  })
  expect(parseRedisUrl('redis://a?cluster=true').isCluster).toBe(true)
})

test.for([
  ['http://a', 'must be like'],
  ['redis://a/1?cluster=true', 'a cluster has none but 0'],
  ['redis://a,b?cluster=false', 'only be a cluster'],
  ['redis://a?tls=1', 'only cluster='],
  ['redis://a:99999', 'not host:port'],
])('%s is refused', ([url = '', why]) => {
  expect(() => parseRedisUrl(url)).toThrow(why)
})
