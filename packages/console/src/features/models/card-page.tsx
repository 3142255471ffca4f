import { Button } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useParams } from 'wouter'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { saveFile } from '../../lib/save-file.ts'
import { useRead } from '../../lib/trestle.tsx'

/** The model card as people outside get it, to read and to save. */
export function CardPage() {
  const { name = '', version = '' } = useParams()
  const card = useRead(['card', name, version], (client) =>
    client.lineage.getCard({ name, version: Number(version) })
  )
  const save = (format: 'md' | 'html', text: string) =>
    saveFile(`${name}-v${version}-card.${format}`, text)
  return (
    <Page
      title="Model card"
      parent={{
        label: `${name} v${version}`,
        href: `/models/${encodeURIComponent(name)}/${version}`,
      }}
      says="Everything that the registry, the run and the lineage know of this version, to hand on."
      actions={
        card.data === undefined ? null : (
          <>
            <SaveButton label="Markdown" save={() => save('md', card.data.markdown)} />
            <SaveButton label="HTML" save={() => save('html', card.data.html)} />
          </>
        )
      }
    >
      <Loaded reading={card} lines={10}>
        {({ html }) => (
          <Panel isFlush>
            <iframe
              title={`Model card of ${name} v${version}`}
              sandbox=""
              srcDoc={html}
              style={{ width: '100%', height: '75vh', border: 0, borderRadius: 10 }}
            />
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}

const SaveButton = (props: { label: string; save: () => void }) => (
  <Button variant="default" leftSection={<IconDownload size={15} />} onClick={props.save}>
    {props.label}
  </Button>
)
