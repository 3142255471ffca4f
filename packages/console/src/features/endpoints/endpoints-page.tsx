import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus, IconServer } from '@tabler/icons-react'
import type { Endpoint } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { TrafficBar } from '../../components/traffic-bar.tsx'
import { When } from '../../components/when.tsx'
import { useRead } from '../../lib/trestle.tsx'
import { endpointHealth } from './endpoint-health.ts'
import { NewEndpointDialog } from './new-endpoint-dialog.tsx'

export const CREATE_ENDPOINT = `curl -X POST ${window.location.origin}/api/endpoints -H 'content-type: application/json' \\
  -d '{ "name": "fraud", "model": "fraud@champion" }'`

const COLUMNS: readonly Column<Endpoint>[] = [
  {
    header: 'Endpoint',
    cell: (e) => (
      <Link href={`/endpoints/${e.name}`} className="link">
        {e.name}
      </Link>
    ),
  },
  {
    header: 'State',
    cell: (e) => {
      const health = endpointHealth(e)
      return <StatusWord tone={health.tone} word={health.word} />
    },
  },
  {
    header: 'Traffic',
    width: '38%',
    cell: (e) => <TrafficBar variants={e.variants} {...e.traffic} />,
  },
  {
    header: 'Features from',
    cell: (e) => e.featureService ?? <span className="dim">the request</span>,
  },
  { header: 'Changed', cell: (e) => <When at={e.updatedAt} /> },
]

export function EndpointsPage() {
  const endpoints = useRead(['endpoints'], (client) => client.serving.listEndpoints(), {
    everyMs: 10_000,
  })
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <Page
      title="Endpoints"
      says="An endpoint is the stable name that programs call; behind it, variants (served model versions) share the requests."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={dialog.open}>
          New endpoint
        </Button>
      }
    >
      <Loaded reading={endpoints}>
        {({ items }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconServer} title="No endpoints yet" command={CREATE_ENDPOINT}>
                Register a model, then give it a name that programs can call.
              </Empty>
            ) : (
              <DataTable label="Endpoints" columns={COLUMNS} rows={items} keyOf={(e) => e.name} />
            )}
          </Panel>
        )}
      </Loaded>
      <NewEndpointDialog isOpen={isOpen} close={dialog.close} />
    </Page>
  )
}
