import { Button, Modal, NumberInput, Table, Text } from '@mantine/core'
import type { Endpoint } from '@trestle/contract'
import { useState } from 'react'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange } from '../../lib/trestle.tsx'

/** Who answers which share of the requests, and who gets copies. In percent; the shares of the answers add up to 100. */
export function TrafficDialog(props: { endpoint: Endpoint; isOpen: boolean; close: () => void }) {
  return (
    <Modal opened={props.isOpen} onClose={props.close} title={<b>Change traffic</b>} size="md">
      <TrafficForm {...props} />
    </Modal>
  )
}

type Shares = Readonly<Record<string, number>>

function TrafficForm({ endpoint, close }: { endpoint: Endpoint; close: () => void }) {
  const names = endpoint.variants.map((variant) => variant.name)
  const [answers, setAnswers] = useState<Shares>(() =>
    Object.fromEntries(endpoint.traffic.weights.map((w) => [w.variant, w.basisPoints / 100]))
  )
  const [copies, setCopies] = useState<Shares>(() =>
    Object.fromEntries(endpoint.traffic.shadows.map((s) => [s.variant, s.share * 100]))
  )
  const weights = names.flatMap((variant) => {
    const basisPoints = Math.round((answers[variant] ?? 0) * 100)
    return basisPoints === 0 ? [] : [{ variant, basisPoints }]
  })
  const shadows = names.flatMap((variant) => {
    const share = (copies[variant] ?? 0) / 100
    return share === 0 ? [] : [{ variant, share }]
  })
  const total = weights.reduce((sum, { basisPoints }) => sum + basisPoints, 0)
  const change = useChange(
    (client) => client.serving.setTraffic({ endpoint: endpoint.name, weights, shadows }),
    () => {
      close()
      tellDone('The traffic is changed.')
    }
  )
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        change.mutate(undefined, { onError: tellFailure })
      }}
    >
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Variant</Table.Th>
            <Table.Th>Answers</Table.Th>
            <Table.Th>Gets copies (shadow)</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {names.map((variant) => (
            <Table.Tr key={variant}>
              <Table.Td>
                <b>{variant}</b>
              </Table.Td>
              <Table.Td>
                <Percent
                  label={`${variant} answers`}
                  value={answers[variant]}
                  onChange={(percent) => setAnswers({ ...answers, [variant]: percent })}
                />
              </Table.Td>
              <Table.Td>
                <Percent
                  label={`${variant} gets copies`}
                  value={copies[variant]}
                  onChange={(percent) => setCopies({ ...copies, [variant]: percent })}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" mt="md" c={total === 10_000 ? 'dimmed' : 'red'}>
        {total === 10_000
          ? 'Takes effect at once. While a rollout runs, it decides the traffic.'
          : `The answers add up to ${total / 100} %; they have to add up to 100 %.`}
      </Text>
      <Button
        type="submit"
        mt="md"
        fullWidth
        loading={change.isPending}
        disabled={total !== 10_000}
      >
        Change traffic
      </Button>
    </form>
  )
}

function Percent(props: {
  label: string
  value: number | undefined
  onChange: (percent: number) => void
}) {
  return (
    <NumberInput
      aria-label={props.label}
      value={props.value ?? 0}
      onChange={(value) => props.onChange(Number(value))}
      min={0}
      max={100}
      decimalScale={2}
      suffix=" %"
    />
  )
}
