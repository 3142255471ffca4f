import { Button, Group, Modal, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange, useRead, useSession } from '../../lib/trestle.tsx'

export function ProjectsPanel() {
  const projects = useRead(['projects'], (client) => client.identity.listProjects())
  const { project: current, setProject } = useSession()
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <>
      <Loaded reading={projects}>
        {({ items }) => (
          <Panel
            title="Projects"
            says="Everything belongs to one project; a key can be bound to one."
            end={
              <Button size="xs" leftSection={<IconPlus size={15} />} onClick={dialog.open}>
                New project
              </Button>
            }
            isFlush
          >
            <DataTable
              label="Projects"
              rows={items}
              keyOf={(project) => project.name}
              columns={[
                { header: 'Name', cell: (project) => <b>{project.name}</b> },
                {
                  header: 'What it is for',
                  cell: (project) => <span className="dim">{project.description || '–'}</span>,
                },
                { header: 'Created', cell: (project) => <When at={project.createdAt} /> },
                {
                  header: '',
                  isRight: true,
                  cell: (project) =>
                    project.name === current ? (
                      <Tag tone="info">shown now</Tag>
                    ) : (
                      <Button
                        size="compact-xs"
                        variant="subtle"
                        onClick={() => setProject(project.name)}
                      >
                        Switch to it
                      </Button>
                    ),
                },
              ]}
            />
          </Panel>
        )}
      </Loaded>
      <Modal opened={isOpen} onClose={dialog.close} title={<b>New project</b>}>
        <NewProjectForm done={dialog.close} />
      </Modal>
    </>
  )
}

function NewProjectForm({ done }: { done: () => void }) {
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const create = useChange(
    (client) => client.identity.createProject({ name, description }),
    (made) => {
      tellDone(`Project “${made.name}” is there.`)
      done()
    }
  )
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate(undefined, { onError: tellFailure })
      }}
    >
      <TextInput
        label="Name"
        description="Letters, digits, “.”, “_” and “-”."
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
        required
      />
      <TextInput
        label="What it is for"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <Group justify="flex-end">
        <Button type="submit" loading={create.isPending} disabled={name === ''}>
          Create project
        </Button>
      </Group>
    </form>
  )
}
