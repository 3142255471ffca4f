import { Title } from '@mantine/core'
import { useEffect, type ReactNode } from 'react'
import { Link } from 'wouter'

type PageProps = Readonly<{
  title: string
  /** One plain sentence: what a newcomer sees here. */
  says: ReactNode
  parent?: { label: string; href: string }
  badge?: ReactNode
  actions?: ReactNode
  children: ReactNode
}>

export function Page({ title, says, parent, badge, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Trestle`
  }, [title])
  return (
    <main className="page">
      <div className="page-head">
        <div>
          {parent === undefined ? null : (
            <div className="crumb">
              <Link href={parent.href}>{parent.label}</Link> ›
            </div>
          )}
          <Title
            order={1}
            style={{ display: 'flex', alignItems: 'center', gap: 12, flexWrap: 'wrap' }}
          >
            {title}
            {badge === undefined ? null : <span style={{ fontSize: 14 }}>{badge}</span>}
          </Title>
          <div className="page-says">{says}</div>
        </div>
        {actions === undefined ? null : <div style={{ display: 'flex', gap: 8 }}>{actions}</div>}
      </div>
      <div className="stack">{children}</div>
    </main>
  )
}

type PanelProps = Readonly<{
  title?: string
  says?: ReactNode
  end?: ReactNode
  /** For tables: the content reaches the edges. */
  isFlush?: boolean
  children: ReactNode
}>

export function Panel({ title, says, end, isFlush = false, children }: PanelProps) {
  return (
    <section className="panel" aria-label={title}>
      {title === undefined ? null : (
        <header>
          <h2 style={{ margin: 0 }}>{title}</h2>
          {says === undefined ? null : <span className="says">{says}</span>}
          {end === undefined ? null : <span className="end">{end}</span>}
        </header>
      )}
      <div className={isFlush ? 'flush' : 'body'}>{children}</div>
    </section>
  )
}
