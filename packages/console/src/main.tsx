import '@fontsource-variable/inter/index.css'
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './app/app.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'
import { pageOfMlflowLink } from './app/mlflow-links.ts'
import { resolveColors, theme } from './app/theme.ts'
import { SessionProvider } from './lib/trestle.tsx'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')

const linked = pageOfMlflowLink(window.location.hash)
if (linked !== null) window.history.replaceState(null, '', linked)

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={resolveColors}>
      <Notifications position="bottom-right" />
      <SessionProvider>
        <App />
      </SessionProvider>
    </MantineProvider>
  </StrictMode>
)
