import { Button, Tabs } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Endpoint } from '@trestle/contract'
import { flushSync } from 'react-dom'
import { useLocation, useParams } from 'wouter'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { TrafficBar } from '../../components/traffic-bar.tsx'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { RolloutsTable } from '../rollouts/rollouts-page.tsx'
import { BackendsPanel } from './backends-panel.tsx'
import { endpointHealth } from './endpoint-health.ts'
import { PredictionsPanel } from './predictions-panel.tsx'
import { RecentCharts } from './recent-charts.tsx'
import { TrafficDialog } from './traffic-dialog.tsx'
import { PlaygroundPanel } from './playground-panel.tsx'
import { TryPanel } from './try-panel.tsx'
import { VariantsPanel } from './variants-panel.tsx'

export function EndpointPage() {
  const { name = '' } = useParams()
  const endpoint = useRead(
    ['endpoint', name],
    (client) => client.serving.getEndpoint({ endpoint: name }),
    {
      everyMs: 10_000,
    }
  )
  const health = endpoint.data === undefined ? null : endpointHealth(endpoint.data)
  return (
    <Page
      title={name}
      parent={{ label: 'Endpoints', href: '/endpoints' }}
      badge={health === null ? undefined : <StatusWord tone={health.tone} word={health.word} />}
      actions={<DeleteEndpoint name={name} />}
      says={
        <>
          {endpoint.data?.variants.some((variant) => variant.llm !== null) === true ? (
            <>
              Programs call <code>POST /v1/chat/completions</code> with the model{' '}
              <code>{name}</code>
            </>
          ) : (
            <>
              Programs call <code>POST /endpoints/{name}/predict</code>
            </>
          )}
          ; who answers is decided by the traffic below.
        </>
      }
    >
      <Loaded reading={endpoint}>{(data) => <EndpointView endpoint={data} />}</Loaded>
    </Page>
  )
}

function DeleteEndpoint({ name }: { name: string }) {
  const [, goTo] = useLocation()
  const remove = useChange(
    (client) => client.serving.deleteEndpoint({ endpoint: name }),
    // At once: what this page shows is gone, and everything shown is read again next.
    () => flushSync(() => goTo('/endpoints'))
  )
  return (
    <ConfirmButton
      label="Delete"
      question={`Delete the endpoint “${name}”?`}
      button={{ color: 'red', variant: 'light' }}
      onConfirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => tellDone(`The endpoint “${name}” is deleted.`),
          onError: tellFailure,
        })
      }
    >
      Programs that call it are refused from now on; requests under way are finished.
    </ConfirmButton>
  )
}

function EndpointView({ endpoint }: { endpoint: Endpoint }) {
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <>
      <Panel
        title="Traffic"
        says={
          endpoint.stickyKey === null
            ? 'Each request is dealt to a variant; the same entity stays with its variant.'
            : `The same ${endpoint.stickyKey} always gets the same variant.`
        }
        end={
          <Button size="xs" variant="default" onClick={dialog.open}>
            Change traffic
          </Button>
        }
      >
        <TrafficBar variants={endpoint.variants} {...endpoint.traffic} />
      </Panel>
      <TrafficDialog endpoint={endpoint} isOpen={isOpen} close={dialog.close} />
      <VariantsPanel endpoint={endpoint} />
      {endpoint.variants.some((variant) => variant.llm !== null) ? (
        <BackendsPanel endpoint={endpoint.name} />
      ) : null}
      <Tabs defaultValue="activity" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="activity">Activity</Tabs.Tab>
          <Tabs.Tab value="try">Try it</Tabs.Tab>
          <Tabs.Tab value="predictions">Predictions</Tabs.Tab>
          <Tabs.Tab value="rollouts">Rollouts</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="activity">
          <RecentCharts endpoint={endpoint} />
        </Tabs.Panel>
        <Tabs.Panel value="try">
          {endpoint.variants.some((variant) => variant.llm !== null) ? (
            <PlaygroundPanel endpoint={endpoint} />
          ) : (
            <TryPanel endpoint={endpoint} />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="predictions">
          <PredictionsPanel endpoint={endpoint.name} />
        </Tabs.Panel>
        <Tabs.Panel value="rollouts">
          <EndpointRollouts endpoint={endpoint.name} />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}

function EndpointRollouts({ endpoint }: { endpoint: string }) {
  const rollouts = useRead(['rollouts', endpoint], (client) =>
    client.rollouts.listRollouts({ endpoint, limit: 50 })
  )
  return (
    <Loaded reading={rollouts}>
      {({ items }) => (
        <Panel isFlush>
          {items.length === 0 ? (
            <p className="dim" style={{ padding: '8px 16px 12px', margin: 0 }}>
              This endpoint has had no rollout.
            </p>
          ) : (
            <RolloutsTable rollouts={items} />
          )}
        </Panel>
      )}
    </Loaded>
  )
}
