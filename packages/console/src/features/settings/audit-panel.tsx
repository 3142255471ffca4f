import { Button } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { useRead } from '../../lib/trestle.tsx'

const PAGE = 50

export function AuditPanel() {
  const [limit, setLimit] = useState(PAGE)
  const audit = useRead(['audit', limit], (client) => client.identity.listAudit({ limit }))
  return (
    <Loaded reading={audit} lines={8}>
      {({ items, nextPageToken }) => (
        <Panel title="Audit log" says="Every change, who made it, and how it ended." isFlush>
          {items.length === 0 ? (
            <Empty icon={IconHistory} title="Nothing has been changed yet">
              The first key, project or endpoint that somebody makes shows up here.
            </Empty>
          ) : (
            <DataTable
              label="Audit log"
              rows={items}
              keyOf={(entry) => entry.id}
              columns={[
                { header: 'When', width: 120, cell: (entry) => <When at={entry.at} /> },
                { header: 'Who', cell: (entry) => entry.actor },
                { header: 'What', cell: (entry) => <code>{entry.action}</code> },
                { header: 'Subject', cell: (entry) => <code>{entry.subject}</code> },
                {
                  header: 'Project',
                  cell: (entry) => entry.project ?? <span className="dim">–</span>,
                },
                {
                  header: 'Outcome',
                  cell: (entry) => (
                    <StatusWord
                      tone={entry.status < 400 ? 'ok' : 'bad'}
                      word={entry.status < 400 ? 'done' : `refused (${entry.status})`}
                    />
                  ),
                },
                {
                  header: 'Request',
                  cell: (entry) => <code className="faint">{entry.requestId}</code>,
                },
              ]}
            />
          )}
          {nextPageToken === null || limit >= 1000 ? null : (
            <div style={{ textAlign: 'center', padding: 10 }}>
              <Button
                variant="subtle"
                size="xs"
                onClick={() => setLimit(Math.min(limit * 2, 1000))}
              >
                Show more
              </Button>
            </div>
          )}
        </Panel>
      )}
    </Loaded>
  )
}
