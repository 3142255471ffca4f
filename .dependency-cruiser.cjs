// Lowest first: a module may import only the index.ts of modules to its left.
const ORDER = [
  'identity',
  'tracking',
  'registry',
  'lineage',
  'features',
  'serving',
  'monitoring',
  'costs',
  'rollouts',
  'batch',
  'streams',
  'pipelines',
]
const M = '^packages/server/src/modules/'
const upward = ORDER.slice(0, -1).map((name, i) => ({
  name: `${name}-imports-downward-only`,
  severity: 'error',
  from: { path: `${M}${name}/` },
  to: { path: `${M}(${ORDER.slice(i + 1).join('|')})/` },
}))

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'enter-by-the-index',
      severity: 'error',
      from: { path: `${M}([^/]+)/` },
      to: { path: `${M}[^/]+/`, pathNot: [`${M}$1/`, `${M}[^/]+/index\\.ts$`] },
    },
    {
      name: 'composition-sees-index-only',
      severity: 'error',
      from: { path: '^packages/server/src/', pathNot: M },
      to: { path: `${M}[^/]+/.+`, pathNot: '/index\\.ts$' },
    },
    {
      name: 'kernel-is-pure',
      severity: 'error',
      from: { path: '^packages/server/src/kernel/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^packages/server/src/kernel/' },
    },
    {
      name: 'platform-knows-no-module',
      severity: 'error',
      from: { path: '^packages/server/src/platform/' },
      to: { path: `${M}|^packages/server/src/(app|main)\\.ts$` },
    },
    {
      name: 'contract-is-browser-safe',
      severity: 'error',
      from: { path: '^packages/contract/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'stats-is-pure',
      severity: 'error',
      from: { path: '^packages/stats/src', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^packages/stats/src' },
    },
    {
      name: 'nobody-imports-the-server',
      severity: 'error',
      from: { path: '^packages/(?!server/)' },
      to: { path: '^packages/server/' },
    },
    {
      name: 'no-test-code-in-source',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$|/test/' },
      to: { path: '\\.test\\.ts$|/test/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@trestle/source', 'import', 'node', 'default'],
    },
  },
}
