import type { Topic } from '../../platform/events/topic.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Notice, NoticePort } from './ports.ts'
import type { RolloutChanged } from './recorder.ts'

/** Tells the alert receivers and webhooks of what people want to know of a rollout: its beginning and end, a step, and what it waits for. */
export function sendNotices(deps: {
  changed: Topic<RolloutChanged>
  notices: NoticePort
  log: Logger
}): () => void {
  return deps.changed.subscribe((change) => {
    const notice = noticeOf(change)
    if (notice === null) return
    deps.notices
      .notify(notice)
      .catch((error: unknown) =>
        deps.log.error({ err: error, rollout: change.rolloutId }, 'telling of a rollout')
      )
  })
}

/** Null for what nobody needs to be told: traffic that is live, an approval, a hold that only waits for more requests. */
export function noticeOf(change: RolloutChanged): Notice | null {
  const news = newsOf(change)
  if (news === null) return null
  const { project, endpoint, rolloutId, actor, reason: text, at } = change
  return {
    project,
    endpoint,
    rolloutId,
    phase: change.to,
    actor,
    severity: news.severity,
    title: `${endpoint}: ${news.title}`,
    text,
    at,
  }
}

type News = Pick<Notice, 'severity' | 'title'>

function newsOf(change: RolloutChanged): News | null {
  const { event, from, to, hold, candidate, weight, isStep } = change
  if (event === 'created') return { severity: 'info', title: `rollout of ${candidate} has begun` }
  if (from === to && !isStep) return null
  switch (to) {
    case 'rolling-back':
      return { severity: 'critical', title: `${candidate} is being taken back` }
    case 'rolled-back':
      return { severity: 'warning', title: `${candidate} is rolled back` }
    case 'aborted':
      return { severity: 'warning', title: `rollout of ${candidate} is aborted` }
    case 'promoted':
      return { severity: 'info', title: `${candidate} is promoted` }
    case 'finished':
      return { severity: 'info', title: `the study of ${candidate} is finished` }
    case 'paused':
      return { severity: 'info', title: `rollout of ${candidate} is paused` }
    case 'holding':
      if (hold === null || hold === 'insufficient') return null
      return {
        severity: hold === 'approval' || hold === 'freeze-window' ? 'info' : 'warning',
        title: `rollout of ${candidate} holds: ${hold.replaceAll('-', ' ')}`,
      }
    case 'shadow':
    case 'preview':
    case 'canary':
    case 'ab-test':
    case 'bandit':
    case 'baking':
      return !isStep
        ? null
        : { severity: 'info', title: `${candidate} goes on to ${to} at ${weight} %` }
    case 'pending':
    case 'promoting':
    case 'finishing':
      return null
  }
}
