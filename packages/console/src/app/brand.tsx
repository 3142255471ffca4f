import { Link } from 'wouter'

/** The mark: a trestle bridge. */
export const Mark = ({ size = 26 }: { size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#0f6674" />
    <path
      d="M5 11h22M9 11l-3 12M23 11l3 12M16 11v12M9 11l7 12 7-12"
      stroke="#fff"
      strokeWidth="2.2"
      fill="none"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
)

export const Brand = () => (
  <Link href="/" className="brand">
    <Mark />
    Trestle
  </Link>
)
