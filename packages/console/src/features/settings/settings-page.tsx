import { Tabs } from '@mantine/core'
import { useLocation, useParams } from 'wouter'
import { Page } from '../../components/page.tsx'
import { AuditPanel } from './audit-panel.tsx'
import { KeysPanel } from './keys-panel.tsx'
import { ProjectsPanel } from './projects-panel.tsx'

export function SettingsPage() {
  const { tab } = useParams()
  const [, go] = useLocation()
  return (
    <Page
      title="Settings"
      says="Who may use this server, how work is divided into projects, and what was changed by whom."
    >
      <Tabs
        value={tab ?? 'keys'}
        onChange={(next) => go(`/settings/${next ?? 'keys'}`)}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="keys">API keys</Tabs.Tab>
          <Tabs.Tab value="projects">Projects</Tabs.Tab>
          <Tabs.Tab value="audit">Audit log</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="keys">
          <KeysPanel />
        </Tabs.Panel>
        <Tabs.Panel value="projects">
          <ProjectsPanel />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditPanel />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
