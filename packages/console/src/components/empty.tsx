import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Command } from './command.tsx'

type EmptyProps = Readonly<{
  icon: Icon
  title: string
  /** What to do next, in a sentence. */
  children: ReactNode
  command?: string
}>

/** Nothing here yet, and the next step. */
export function Empty({ icon: Glyph, title, children, command }: EmptyProps) {
  return (
    <div className="empty">
      <Glyph size={30} stroke={1.4} />
      <h3>{title}</h3>
      <p>{children}</p>
      {command === undefined ? null : (
        <div style={{ maxWidth: 680, margin: '16px auto 0' }}>
          <Command text={command} label="Copy the command" />
        </div>
      )}
    </div>
  )
}
