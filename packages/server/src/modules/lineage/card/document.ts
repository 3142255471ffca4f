/** A page of headings, sentences, facts and tables: what a model card is made of, before it is Markdown or HTML. */
export type Block = Readonly<
  | { kind: 'text'; text: string }
  | { kind: 'facts'; rows: readonly (readonly [name: string, value: string])[] }
  | { kind: 'table'; columns: readonly string[]; rows: readonly (readonly string[])[] }
>
export type Section = Readonly<{ title: string; blocks: readonly Block[] }>
export type Document = Readonly<{ title: string; says: string; sections: readonly Section[] }>

/** Markdown (CommonMark with tables). Text is kept from being read as markup. */
export function toMarkdown({ title, says, sections }: Document): string {
  const parts = sections.flatMap((section) => [
    `## ${mark(section.title)}`,
    ...section.blocks.map(blockToMarkdown),
  ])
  return `${[`# ${mark(title)}`, mark(says), ...parts].join('\n\n')}\n`
}

function blockToMarkdown(block: Block): string {
  switch (block.kind) {
    case 'text':
      return mark(block.text)
    case 'facts':
      return markdownTable(['', ''], block.rows)
    case 'table':
      return markdownTable(block.columns, block.rows)
  }
}

function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => mark(cell).replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`
  return [line(columns), `|${columns.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n')
}

const mark = (text: string): string => text.replaceAll(/[\\`*_[\]<>|#]/g, (c) => `\\${c}`)

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2.5rem auto;padding:0 1.25rem;color:#1c2024;background:#fff}
h1{font-size:1.75rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid #e0e4e8;padding-bottom:.25rem}
p{white-space:pre-line;margin:.5rem 0}.says{color:#60676f}table{border-collapse:collapse;width:100%;font-size:.925rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #edf0f2;overflow-wrap:anywhere}
th{font-weight:600;color:#60676f}td:first-child{min-width:10rem}
@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#14171a}h2,th,td{border-color:#2b3036}th,.says{color:#9aa3ab}}`

/** A page that stands alone: no script, no link outside. */
export function toHtml({ title, says, sections }: Document): string {
  const body = sections
    .map(
      (section) =>
        `<section><h2>${escape(section.title)}</h2>${section.blocks.map(blockToHtml).join('')}</section>`
    )
    .join('')
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style></head><body><h1>${escape(title)}</h1><p class="says">${escape(says)}</p>${body}</body></html>\n`
}

function blockToHtml(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `<p>${escape(block.text)}</p>`
    case 'facts':
      return `<table>${block.rows.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`).join('')}</table>`
    case 'table': {
      const head = block.columns.map((column) => `<th>${escape(column)}</th>`).join('')
      const rows = block.rows
        .map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`)
        .join('')
      return `<table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>`
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
