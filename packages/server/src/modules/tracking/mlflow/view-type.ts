/** Which lifecycle stages a `view_type` shows. */
export function stagesOf(
  view: 'ACTIVE_ONLY' | 'DELETED_ONLY' | 'ALL'
): readonly ('active' | 'deleted')[] {
  switch (view) {
    case 'ACTIVE_ONLY':
      return ['active']
    case 'DELETED_ONLY':
      return ['deleted']
    case 'ALL':
      return ['active', 'deleted']
  }
}
