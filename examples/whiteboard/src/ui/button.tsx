import type { ReactNode } from 'react'
import { Icon, type IconName } from './icons.js'

interface Props {
  icon: IconName
  label: string
  /** The key that does the same, shown with the label. */
  keys?: string
  onClick: () => void
  testId: string
  pressed?: boolean
  disabled?: boolean
  children?: ReactNode
}

/** A button with an icon; the label is for its tip and for screen readers. */
export function IconButton({ icon, label, keys, onClick, testId, pressed, disabled, children }: Props) {
  return (
    <button
      type="button"
      className={children ? 'button wide' : 'button'}
      aria-label={keys ? `${label} (${keys})` : label}
      aria-pressed={pressed}
      data-tip={keys ? `${label}  ${keys}` : label}
      data-testid={testId}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
      {children}
    </button>
  )
}
