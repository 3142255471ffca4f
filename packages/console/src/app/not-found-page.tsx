import { Button } from '@mantine/core'
import { IconMapOff } from '@tabler/icons-react'
import { Link, useLocation } from 'wouter'
import { Empty } from '../components/empty.tsx'
import { Page, Panel } from '../components/page.tsx'

export function NotFoundPage() {
  const [location] = useLocation()
  return (
    <Page
      title="No such page"
      says={
        <>
          Nothing is at <code>{location}</code>.
        </>
      }
    >
      <Panel>
        <Empty icon={IconMapOff} title="The address may be mistyped or out of date">
          <Button component={Link} href="/" mt="md" variant="default">
            Go to the overview
          </Button>
        </Empty>
      </Panel>
    </Page>
  )
}
