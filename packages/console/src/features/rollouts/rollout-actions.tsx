import type { Rollout } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { tellFailure } from '../../lib/notify.ts'
import { useChange } from '../../lib/trestle.tsx'

type Action = 'pause' | 'resume' | 'promote' | 'abort' | 'approve'

const send: Record<
  Action,
  (client: TrestleClient, input: { id: string; note: string }) => Promise<Rollout>
> = {
  pause: (client, input) => client.rollouts.pauseRollout(input),
  resume: (client, input) => client.rollouts.resumeRollout(input),
  promote: (client, input) => client.rollouts.promoteRollout(input),
  abort: (client, input) => client.rollouts.abortRollout(input),
  approve: (client, input) => client.rollouts.approveRollout(input),
}

/** What a person may do with a running rollout, each asked once. */
export function RolloutActions({ rollout }: { rollout: Rollout }) {
  const change = useChange((client, input: { action: Action; note: string }) =>
    send[input.action](client, { id: rollout.id, note: input.note })
  )
  if (!rollout.isActive) return null
  const act = (action: Action) => (note: string) =>
    change.mutate({ action, note }, { onError: tellFailure })
  const waits = rollout.phase === 'paused' || rollout.hold === 'deadline'
  return (
    <>
      {rollout.hold === 'approval' ? (
        <ConfirmButton
          label="Approve"
          question="Approve this step?"
          asksForNote
          onConfirm={act('approve')}
          button={{ variant: 'filled' }}
        >
          The rollout goes on to its next step.
        </ConfirmButton>
      ) : null}
      {waits ? (
        <ConfirmButton
          label="Resume"
          question="Resume this rollout?"
          asksForNote
          onConfirm={act('resume')}
          button={{ variant: 'filled' }}
        >
          It goes on from where it stands.
        </ConfirmButton>
      ) : (
        <ConfirmButton
          label="Pause"
          question="Pause this rollout?"
          asksForNote
          onConfirm={act('pause')}
        >
          The traffic stays as it is. If the new variant does harm meanwhile, it is still taken
          back.
        </ConfirmButton>
      )}
      <ConfirmButton
        label="Promote now"
        question={`Give ${rollout.candidate} all the traffic now?`}
        asksForNote
        onConfirm={act('promote')}
      >
        This skips the steps and gates that are left. {rollout.baseline} stays warm, so that you can
        go back.
      </ConfirmButton>
      <ConfirmButton
        label="Abort"
        question="Abort this rollout?"
        asksForNote
        onConfirm={act('abort')}
        button={{ variant: 'light', color: 'red' }}
      >
        All the traffic goes back to {rollout.baseline} at once.
      </ConfirmButton>
    </>
  )
}
