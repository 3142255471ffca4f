import { Component, type ReactNode } from 'react'
import { Failure } from '../components/loaded.tsx'

type Props = Readonly<{
  /** A new place starts with a clean slate. */ place: string
  children: ReactNode
}>
type State = Readonly<{ error: Error | null; place: string }>

/** Keeps a page that breaks from taking the frame with it. */
export class PageBoundary extends Component<Props, State> {
  override state: State = { error: null, place: this.props.place }

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  static getDerivedStateFromProps(props: Props, state: State): State | null {
    return props.place === state.place ? null : { error: null, place: props.place }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    return <Failure error={error} retry={() => this.setState({ error: null })} />
  }
}
