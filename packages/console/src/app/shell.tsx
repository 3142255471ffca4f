import { ActionIcon, AppShell, Burger, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBook2, IconLogout } from '@tabler/icons-react'
import { useEffect, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { useRead, useSession } from '../lib/trestle.tsx'
import { Brand } from './brand.tsx'
import { ProjectSwitch } from './project-switch.tsx'
import { SECTIONS } from './sections.ts'
import { ThemeSwitch } from './theme-switch.tsx'

/** The frame around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const [isOpen, { toggle, close }] = useDisclosure(false)
  const [location] = useLocation()
  useEffect(close, [location, close])
  return (
    <AppShell
      layout="alt"
      header={{ height: 54 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="lg"
    >
      <AppShell.Header className="shell-head">
        <Head isOpen={isOpen} toggle={toggle} />
      </AppShell.Header>
      <AppShell.Navbar className="shell-nav" p={12}>
        <div style={{ padding: '4px 8px 16px' }}>
          <Brand />
        </div>
        <nav aria-label="Sections" style={{ display: 'grid', gap: 2 }}>
          {SECTIONS.map(({ label, href, icon: Glyph }) => (
            <Link
              key={href}
              href={href}
              className="nav-item"
              aria-current={isWithin(location, href) ? 'page' : undefined}
            >
              <Glyph size={18} stroke={1.6} />
              {label}
            </Link>
          ))}
        </nav>
        <Foot />
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  )
}

const isWithin = (location: string, href: string): boolean =>
  href === '/' ? location === '/' : location === href || location.startsWith(`${href}/`)

function Head({ isOpen, toggle }: { isOpen: boolean; toggle: () => void }) {
  const { hasKey, setKey } = useSession()
  return (
    <div
      style={{ display: 'flex', alignItems: 'center', gap: 8, height: '100%', padding: '0 16px' }}
    >
      <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
      <ProjectSwitch />
      <span style={{ flex: 1 }} />
      <Tooltip label="API description">
        <ActionIcon
          component="a"
          href="/docs"
          variant="subtle"
          color="gray"
          size="lg"
          aria-label="API description"
        >
          <IconBook2 size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <ThemeSwitch />
      {hasKey ? (
        <Tooltip label="Log out">
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label="Log out"
            onClick={() => setKey(null)}
          >
            <IconLogout size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      ) : null}
    </div>
  )
}

function Foot() {
  const me = useRead(['me'], (client) => client.identity.whoAmI())
  return (
    <footer className="faint" style={{ marginTop: 'auto', padding: '12px 10px 4px' }}>
      {me.data === undefined ? (
        ' '
      ) : (
        <>
          <div>
            {me.data.actor} · {me.data.role}
          </div>
          <div>
            Trestle {me.data.version} ·{' '}
            <a href="/docs" className="link">
              API docs
            </a>
          </div>
        </>
      )}
    </footer>
  )
}
