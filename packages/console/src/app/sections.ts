import {
  IconActivity,
  IconBox,
  IconCoin,
  IconDatabase,
  IconFlask,
  IconLayoutDashboard,
  IconServer,
  IconStack2,
  IconSettings,
  IconSwitch3,
  type Icon,
} from '@tabler/icons-react'

export type Section = Readonly<{ label: string; href: string; icon: Icon }>

/** In the order in which a model travels: tried, registered, fed, served, rolled out, watched, paid. */
export const SECTIONS: readonly Section[] = [
  { label: 'Overview', href: '/', icon: IconLayoutDashboard },
  { label: 'Experiments', href: '/experiments', icon: IconFlask },
  { label: 'Models', href: '/models', icon: IconBox },
  { label: 'Features', href: '/features', icon: IconDatabase },
  { label: 'Endpoints', href: '/endpoints', icon: IconServer },
  { label: 'Rollouts', href: '/rollouts', icon: IconSwitch3 },
  { label: 'Batch', href: '/batch', icon: IconStack2 },
  { label: 'Monitoring', href: '/monitoring', icon: IconActivity },
  { label: 'Costs', href: '/costs', icon: IconCoin },
  { label: 'Settings', href: '/settings', icon: IconSettings },
]
