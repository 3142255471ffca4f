import { Button, Group, Modal, Select, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Approval, RegisteredModel } from '@trestle/contract'
import { useState } from 'react'
import { Link } from 'wouter'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord, Tag, type Tone } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'

const STATE: Readonly<Record<Approval['state'], { tone: Tone; word: string }>> = {
  open: { tone: 'warn', word: 'waits' },
  approved: { tone: 'info', word: 'approved, moving' },
  applied: { tone: 'ok', word: 'applied' },
  rejected: { tone: 'bad', word: 'rejected' },
  withdrawn: { tone: 'idle', word: 'withdrawn' },
}

type Guard = Readonly<{ kind: 'alias' | 'stage'; target: string }>
const placeOf = ({ kind, target }: Guard): string => (kind === 'alias' ? `@${target}` : target)

/** Who asked to move which version where, what was checked, and who said yes. Not there for a model without guards and requests. */
export function ApprovalsPanel({ model }: { model: RegisteredModel }) {
  const { name } = model
  const guards = useRead(['guards', name], (client) => client.governance.listGuards({ name }))
  const approvals = useRead(
    ['approvals', name],
    (client) => client.governance.listApprovals({ name, limit: 20 }),
    { everyMs: 10_000 }
  )
  const guarded = guards.data?.items ?? []
  const asked = approvals.data?.items ?? []
  if (guarded.length === 0 && asked.length === 0) return null
  return (
    <Panel
      title="Approvals"
      says={
        guarded.length === 0
          ? 'No alias or stage is guarded now.'
          : `Versions take ${guarded.map(placeOf).join(', ')} by approval alone.`
      }
      end={guarded.length === 0 ? null : <AskButton model={model} guards={guarded} />}
    >
      {asked.length === 0 ? (
        <p className="dim" style={{ margin: 0 }}>
          Nobody has asked yet.
        </p>
      ) : (
        <ol className="timeline">
          {asked.map((approval) => (
            <li key={approval.id} data-tone={STATE[approval.state].tone}>
              <Request approval={approval} />
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}

function Request({ approval }: { approval: Approval }) {
  const { id, model: name } = approval
  const review = useChange((client, given: { verdict: 'approved' | 'rejected'; comment: string }) =>
    client.governance.reviewApproval({ name, id, ...given })
  )
  const withdraw = useChange((client, _input: null) =>
    client.governance.withdrawApproval({ name, id })
  )
  const say = (verdict: 'approved' | 'rejected') => (comment: string) =>
    review.mutate({ verdict, comment }, { onError: tellFailure })
  return (
    <>
      <div style={{ display: 'flex', gap: 10, alignItems: 'center', flexWrap: 'wrap' }}>
        <span>
          <Link className="link" href={`/models/${encodeURIComponent(name)}/${approval.version}`}>
            v{approval.version}
          </Link>{' '}
          to {placeOf(approval)}
        </span>
        <StatusWord {...STATE[approval.state]} />
        <span className="faint">
          asked by {approval.requestedBy} · <When at={approval.requestedAt} />
        </span>
      </div>
      {approval.comment === '' ? null : <div>“{approval.comment}”</div>}
      <div style={{ display: 'flex', gap: 6, flexWrap: 'wrap', margin: '4px 0' }}>
        {approval.checks.map((check) => (
          <Tag key={check.name} tone={check.passed ? 'ok' : 'bad'}>
            {check.passed ? '✓' : '✗'} {check.name}: {check.detail}
          </Tag>
        ))}
      </div>
      {approval.reviews.map((one) => (
        <div key={`${one.reviewer} ${one.at}`} className="dim">
          {one.reviewer} {one.verdict} it <When at={one.at} />
          {one.comment === '' ? '' : `: “${one.comment}”`}
        </div>
      ))}
      {approval.state === 'open' ? (
        <>
          {approval.missing.length === 0 ? null : (
            <div className="dim">Still missing: {approval.missing.join(', ')}</div>
          )}
          <Group gap="xs" mt={6}>
            <ConfirmButton
              label="Approve"
              question={`Approve v${approval.version} for ${placeOf(approval)}?`}
              asksForNote
              onConfirm={say('approved')}
              button={{ size: 'compact-sm', variant: 'filled' }}
            >
              With the last approval the version moves, or its rollout begins.
            </ConfirmButton>
            <ConfirmButton
              label="Reject"
              question={`Reject v${approval.version} for ${placeOf(approval)}?`}
              asksForNote
              onConfirm={say('rejected')}
              button={{ size: 'compact-sm', variant: 'light', color: 'red' }}
            >
              The request is closed; whoever asked may ask again.
            </ConfirmButton>
            <ConfirmButton
              label="Withdraw"
              question="Withdraw this request?"
              onConfirm={() => withdraw.mutate(null, { onError: tellFailure })}
              button={{ size: 'compact-sm' }}
            >
              The version stays where it is. The record is kept.
            </ConfirmButton>
          </Group>
        </>
      ) : null}
    </>
  )
}

function AskButton({ model, guards }: { model: RegisteredModel; guards: readonly Guard[] }) {
  const [isOpen, { open, close }] = useDisclosure(false)
  const [version, setVersion] = useState(String(model.versions[0]?.version ?? ''))
  const [place, setPlace] = useState(guards[0] === undefined ? '' : placeOf(guards[0]))
  const [comment, setComment] = useState('')
  const guard = guards.find((one) => placeOf(one) === place)
  const ask = useChange(
    (client, given: Guard) =>
      client.governance.requestApproval({
        name: model.name,
        version: Number(version),
        kind: given.kind,
        target: given.target,
        comment,
      }),
    close
  )
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>
        Ask for approval
      </Button>
      <Modal opened={isOpen} onClose={close} title={<b>Ask for approval</b>}>
        <Select
          label="Version"
          data={model.versions.map((v) => ({ value: String(v.version), label: `v${v.version}` }))}
          value={version}
          onChange={(value) => setVersion(value ?? '')}
        />
        <Select
          mt="sm"
          label="Moves to"
          data={guards.map(placeOf)}
          value={place}
          onChange={(value) => setPlace(value ?? '')}
        />
        <Textarea
          mt="sm"
          label="What reviewers should know"
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="subtle" onClick={close}>
            Cancel
          </Button>
          <Button
            disabled={version === '' || guard === undefined}
            loading={ask.isPending}
            onClick={() => {
              if (guard !== undefined) ask.mutate(guard, { onError: tellFailure })
            }}
          >
            Ask
          </Button>
        </Group>
      </Modal>
    </>
  )
}
