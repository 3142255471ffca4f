import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const injected = (object, property, instead) => ({
  object,
  property,
  message: `Take ${instead} as a dependency, so that tests can set it.`,
})

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/*.cjs', '**/*.mjs', '**/*.js', '**/fixtures/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/require-await': 'off', // port methods are async by contract
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-generated-empty-object-type': 'off', // mapped types over no keys are meant
      '@typescript-eslint/no-meaningless-void-operator': 'off', // `async () => void (await write())` says that the result is dropped
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/await-thenable': ['error'],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-console': 'error',
      'max-params': ['error', 3],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only config.ts and main.ts read the environment.',
        },
        injected('Date', 'now', 'a Clock'),
        injected('Math', 'random', 'an Rng or an id source'),
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Take a Clock as a dependency, so that tests can set it.',
        },
        {
          selector: 'ExportAllDeclaration',
          message: 'Name what leaves the module: a door lists what it opens to.',
        },
      ],
    },
  },
  {
    // Programs at the edge read the environment, the clock and print; tests and benchmarks too.
    files: [
      '**/main.ts',
      '**/config.ts',
      'packages/cli/**',
      'packages/console/**',
      '**/*.test.ts',
      '**/test/**',
      'bench/**',
      'conformance/**',
      'examples/**',
      'vitest.config.ts',
      'packages/server/src/kernel/**',
    ],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off',
      'no-console': 'off',
    },
  },
  {
    files: ['**/*.test.ts', '**/test/**', 'bench/**', 'conformance/**'],
    rules: {
      'max-params': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off', // expect.any and friends are any
    },
  },
  {
    files: ['packages/cli/src/commands/**'], // commander passes arguments by position
    rules: { 'max-params': 'off' },
  },
  {
    files: ['packages/stats/**'],
    rules: { 'max-params': ['error', 5], '@typescript-eslint/no-non-null-assertion': 'off' },
  }
)
