import { Select } from '@mantine/core'
import { useRead } from '../../lib/trestle.tsx'

/** A registered model and which of its versions: `@champion` or `/3`; empty while not chosen. */
export type ModelChosen = Readonly<{ model: string; at: string }>

/** What the API takes, such as `fraud@champion`; null while the choice is not complete. */
export const toReference = ({ model, at }: ModelChosen): string | null =>
  model === '' || at === '' ? null : `${model}${at}`

export function ModelChoice({
  chosen,
  onChange,
}: {
  chosen: ModelChosen
  onChange: (chosen: ModelChosen) => void
}) {
  const models = useRead(['models'], (client) => client.registry.listModels({ limit: 200 }))
  const model = useRead(
    ['model', chosen.model],
    (client) => client.registry.getModel({ name: chosen.model }),
    { enabled: chosen.model !== '' }
  )
  return (
    <>
      <Select
        label="Model"
        placeholder="a registered model"
        data={models.data?.items.map((item) => item.name) ?? []}
        value={chosen.model === '' ? null : chosen.model}
        onChange={(name) => onChange({ model: name ?? '', at: '' })}
        nothingFoundMessage="No model of that name"
        searchable
        required
      />
      <Select
        label="Version"
        placeholder={chosen.model === '' ? 'choose a model first' : 'an alias or a version'}
        data={[
          {
            group: 'Aliases',
            items: Object.entries(model.data?.aliases ?? {}).map(([alias, version]) => ({
              value: `@${alias}`,
              label: `@${alias}, now version ${version}`,
            })),
          },
          {
            group: 'Versions',
            items: (model.data?.versions ?? []).map(({ version, status }) => ({
              value: `/${version}`,
              label: `version ${version}`,
              disabled: status !== 'READY',
            })),
          },
        ]}
        value={chosen.at === '' ? null : chosen.at}
        onChange={(at) => onChange({ ...chosen, at: at ?? '' })}
        disabled={chosen.model === ''}
        required
      />
    </>
  )
}
