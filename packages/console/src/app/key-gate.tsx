import { Button, PasswordInput, Text } from '@mantine/core'
import { useState } from 'react'
import { Command } from '../components/command.tsx'
import { useSession } from '../lib/trestle.tsx'
import { Mark } from './brand.tsx'

/** Asks for an API key, because the server did. */
export function KeyGate({ reason }: { reason: string }) {
  const { setKey, hasKey } = useSession()
  const [value, setValue] = useState('')
  return (
    <main style={{ maxWidth: 440, margin: '14vh auto', padding: '0 16px' }}>
      <div className="panel" style={{ padding: 28 }}>
        <Mark size={36} />
        <h1 style={{ fontSize: 20, margin: '14px 0 4px' }}>Log in to Trestle</h1>
        <Text c="dimmed" size="sm">
          This server asks for an API key. It is kept in this tab only and forgotten when you close
          it.
        </Text>
        <form
          style={{ marginTop: 18, display: 'grid', gap: 14 }}
          onSubmit={(event) => {
            event.preventDefault()
            setKey(value.trim())
          }}
        >
          <PasswordInput
            label="API key"
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
            error={hasKey ? reason : undefined}
            autoComplete="off"
            data-autofocus
          />
          <Button type="submit" disabled={value.trim() === ''}>
            Log in
          </Button>
        </form>
        <Text c="dimmed" size="sm" mt="lg" mb={6}>
          No key yet? Whoever runs the server sets the first one:
        </Text>
        <Command text={'TRESTLE_ADMIN_KEY=$(openssl rand -hex 24) trestle serve'} />
      </div>
    </main>
  )
}
