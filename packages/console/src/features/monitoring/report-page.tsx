import { useParams } from 'wouter'
import { Page } from '../../components/page.tsx'
import { useRead } from '../../lib/trestle.tsx'
import { DriftReportPanels } from './drift-report-panels.tsx'

export function ReportPage() {
  const { id = '' } = useParams()
  const report = useRead(['drift-report', id], (client) => client.monitoring.getDrift({ id }))
  const monitor = report.data?.monitor
  return (
    <Page
      title="Drift report"
      parent={
        monitor === undefined
          ? { label: 'Monitoring', href: '/monitoring' }
          : { label: monitor, href: `/monitoring/${monitor}` }
      }
      says={report.data?.summary ?? ' '}
    >
      <DriftReportPanels id={id} />
    </Page>
  )
}
