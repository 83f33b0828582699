import { type Tool, useBoard, useView } from '../model/board.js'
import { recolor, setFilled, setWidth } from '../model/edit.js'
import { type Color, colors, widths } from '../model/shape.js'
import { IconButton } from './button.js'

const tools: readonly (readonly [Tool, string, string])[] = [
  ['select', 'Select', 'V'],
  ['hand', 'Move the board', 'H'],
  ['pen', 'Pen', 'P'],
  ['line', 'Line', 'L'],
  ['rectangle', 'Rectangle', 'R'],
  ['ellipse', 'Ellipse', 'O'],
  ['text', 'Text', 'T'],
  ['eraser', 'Eraser', 'E'],
]

const widthNames: Record<number, string> = { 2: 'Thin', 4: 'Medium', 8: 'Thick' }

/** Tools, colours and widths. Colour and width also change what is selected. */
export function Dock() {
  const board = useBoard()
  const tool = useView((view) => view.tool)
  return (
    <div className="dock">
      <Style />
      <div className="panel" role="toolbar" aria-label="Tools">
        {tools.map(([name, label, keys]) => (
          <IconButton
            key={name}
            icon={name}
            label={label}
            keys={keys}
            testId={`tool-${name}`}
            pressed={tool === name}
            onClick={() => board.use(name)}
          />
        ))}
      </div>
    </div>
  )
}

function Style() {
  const board = useBoard()
  const color = useView((view) => view.color)
  const width = useView((view) => view.width)
  const filled = useView((view) => view.filled)
  const chosen = () => board.view.state.selection
  const paint = (next: Color) => {
    board.view.set({ color: next })
    recolor(board, chosen(), next)
  }
  return (
    <div className="panel" role="toolbar" aria-label="Colour and width">
      <div className="swatches">
        {colors.map((name) => (
          <button
            key={name}
            type="button"
            className="swatch"
            aria-label={name}
            aria-pressed={color === name}
            data-tip={name[0]?.toUpperCase() + name.slice(1)}
            data-testid={`color-${name}`}
            style={{ color: `var(--${name})` }}
            onClick={() => paint(name)}
          />
        ))}
      </div>
      <span className="divider" />
      {widths.map((one) => (
        <button
          key={one}
          type="button"
          className="button narrow"
          aria-label={widthNames[one]}
          aria-pressed={width === one}
          data-tip={widthNames[one]}
          data-testid={`width-${one}`}
          onClick={() => {
            board.view.set({ width: one })
            setWidth(board, chosen(), one)
          }}
        >
          <span className="weight" style={{ height: one, borderRadius: one }} />
        </button>
      ))}
      <span className="divider" />
      <IconButton
        icon="fill"
        label="Filled"
        keys="F"
        testId="filled"
        pressed={filled}
        onClick={() => {
          board.view.set({ filled: !filled })
          setFilled(board, chosen(), !filled)
        }}
      />
    </div>
  )
}
