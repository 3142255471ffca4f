import { Select } from '@mantine/core'
import { IconFolder } from '@tabler/icons-react'
import { useRead, useSession } from '../lib/trestle.tsx'

export function ProjectSwitch() {
  const { project, setProject } = useSession()
  const projects = useRead(['projects'], (client) => client.identity.listProjects())
  const names = new Set([project, 'default', ...(projects.data?.items.map((p) => p.name) ?? [])])
  return (
    <Select
      aria-label="Project"
      size="xs"
      w={190}
      leftSection={<IconFolder size={15} stroke={1.6} />}
      data={[...names]}
      value={project}
      allowDeselect={false}
      comboboxProps={{ shadow: 'md' }}
      onChange={(name) => {
        if (name !== null) setProject(name)
      }}
    />
  )
}
