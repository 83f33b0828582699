// Icons, drawn for this page: 20 by 20, lines of 1.6.
const paths = {
  select: 'M5 3.5l10.5 6-4.6 1.4-2.3 4.4z',
  hand: 'M7 10.5V5.2a1.2 1.2 0 0 1 2.4 0V9M9.4 9V4a1.2 1.2 0 0 1 2.4 0v5M11.8 9V5.2a1.2 1.2 0 0 1 2.4 0v6.3c0 3-1.8 5-4.4 5-2.2 0-3.3-1-4.4-3L4 10.8c-.7-1.3.9-2.2 1.8-1.1L7 11.3',
  pen: 'M4 16l.8-3.4L13.2 4.2a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2l-8.4 8.4zM11.6 5.8l2.6 2.6',
  line: 'M4.5 15.5l11-11',
  rectangle:
    'M5.5 5h9A1.5 1.5 0 0 1 16 6.5v7a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 4 13.5v-7A1.5 1.5 0 0 1 5.5 5z',
  ellipse: 'M10 4.5a6.5 5.5 0 1 0 0 11 6.5 5.5 0 1 0 0-11z',
  text: 'M5 6.2V4.5h10v1.7M10 4.5v11M8 15.5h4',
  eraser:
    'M8 15.5l-3.6-3.6a1.4 1.4 0 0 1 0-2L9.9 4.4a1.4 1.4 0 0 1 2 0l3.7 3.7a1.4 1.4 0 0 1 0 2L10.2 15.5zM7.2 7.1l5.7 5.7M8 15.5h8',
  undo: 'M7.5 4.5L4 8l3.5 3.5M4.3 8H12a4 4 0 0 1 0 8H8.5',
  redo: 'M12.5 4.5L16 8l-3.5 3.5M15.7 8H8a4 4 0 0 0 0 8h3.5',
  trash: 'M4.5 6h11M8 6V4.5h4V6M6 6l.6 9.5h6.8L14 6M8.6 8.7v4.2M11.4 8.7v4.2',
  copy: 'M8.5 7h6A1.5 1.5 0 0 1 16 8.5v6a1.5 1.5 0 0 1-1.5 1.5h-6A1.5 1.5 0 0 1 7 14.5v-6A1.5 1.5 0 0 1 8.5 7zM4.5 13A1.5 1.5 0 0 1 4 12V5.5A1.5 1.5 0 0 1 5.5 4H12a1.5 1.5 0 0 1 1 .5',
  front: 'M10 16V5M5.5 9.5L10 5l4.5 4.5M4 3.5h12',
  back: 'M10 4v11M5.5 10.5L10 15l4.5-4.5M4 16.5h12',
  plus: 'M10 4.5v11M4.5 10h11',
  minus: 'M4.5 10h11',
  link: 'M8.5 11.5a3 3 0 0 0 4.2 0l2.5-2.5A3 3 0 0 0 11 4.8l-.9.9M11.5 8.5a3 3 0 0 0-4.2 0L4.8 11A3 3 0 0 0 9 15.2l.9-.9',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  download: 'M10 3.5v9M6.2 9L10 12.7 13.8 9M4 16h12',
  fill: 'M4.5 6A1.5 1.5 0 0 1 6 4.5h8A1.5 1.5 0 0 1 15.5 6v8a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 14zM4.8 11l6.4-6.4M5.3 15l9.7-9.7M9.5 15.3l5.9-5.9',
  window:
    'M5.5 4h9A1.5 1.5 0 0 1 16 5.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 4 14.5v-9A1.5 1.5 0 0 1 5.5 4zM4 7.5h12',
}

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

/** Symphony's sign: bars, as of a sound, in a rounded square. */
export function Sign() {
  return (
    <svg className="sign" viewBox="0 0 28 28" width="28" height="28" aria-hidden="true">
      <rect width="28" height="28" rx="8" />
      <path d="M7 12v4M11.7 8v12M16.3 10.5v7M21 6.5v15" />
    </svg>
  )
}
