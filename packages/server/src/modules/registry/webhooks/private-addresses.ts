import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

const V4 = new BlockList()
const V6 = new BlockList()
for (const [network, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
  ] as const),
  ...([
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const),
] as const)
  V4.addSubnet(network, bits, 'ipv4')
// What carries an IPv4 address inside (mapped, NAT64, 6to4) is as good as private.
for (const [network, bits] of [
  ...([
    ['::', 96],
    ['::ffff:0:0', 96],
    ['64:ff9b::', 96],
    ['2002::', 16],
  ] as const),
  ...([
    ['fc00::', 7],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const),
] as const)
  V6.addSubnet(network, bits, 'ipv6')

/** Whether an address is of this machine or of a network around it, and not of the internet at large. */
export const isPrivateAddress = (address: string): boolean =>
  isIP(address) === 6 ? V6.check(address, 'ipv6') : V4.check(address)

/** Resolves names for a connection, and refuses those that lead inside. What was checked is what is connected to. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses
    if (error !== null) callback(error, '')
    else if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address)))
      callback(new Error(`${hostname} is no public address`), '')
    else if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}
