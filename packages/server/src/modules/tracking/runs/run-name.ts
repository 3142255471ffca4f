const ADJECTIVES =
  'able amber apt bold brave brisk calm candid clever cosmic crisp deft eager fair fleet fond gentle glad grand honest humble keen kind lively loyal lucid mellow merry nimble noble patient polite proud quick quiet rapid rare serene sharp sleek smart solid spry steady stoic sunny swift tidy upbeat vivid warm wise witty zesty'.split(
    ' '
  )
const ANIMALS =
  'ant ape auk bat bear bee boar bug calf carp cat cod colt crab crane crow deer dog dove duck eel elk ewe fawn finch fish fly fowl fox frog gnat goat goose hare hawk hen hog horse ibis jay kit koi lamb lark lynx mink mole moth mouse mule newt owl perch pig pug quail ram rat robin roo rook seal shad shark sheep shrew slug smelt snail snake sow squid stag stork swan toad trout tern vole wasp whale wolf wren yak'.split(
    ' '
  )

/** A name like `brisk-otter-417` for a run that came without one, drawn from its random id. */
export function nameFromId(runId: string): string {
  const seed = Number.parseInt(runId.slice(0, 12), 16)
  const adjective = ADJECTIVES[seed % ADJECTIVES.length] ?? 'able'
  const rest = Math.floor(seed / ADJECTIVES.length)
  const animal = ANIMALS[rest % ANIMALS.length] ?? 'ant'
  return `${adjective}-${animal}-${Math.floor(rest / ANIMALS.length) % 1_000}`
}
