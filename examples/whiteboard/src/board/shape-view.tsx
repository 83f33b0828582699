import type { SyncedList, SyncedText } from '@symphony-rtc/client'
import { useList, useMap, useText } from '@symphony-rtc/react'
import { memo } from 'react'
import { type Box, boxOf, strokePath } from '../model/geometry.js'
import { fontSize, lineHeight, readShape, type Shape, type ShapeMap, strokeOf } from '../model/shape.js'

/** One shape. It listens to its own map only: a change of it draws nothing else anew. */
export const ShapeView = memo(function ShapeView(props: { id: string; map: ShapeMap; hidden: boolean }) {
  useMap(props.map)
  const shape = readShape(props.map)
  return (
    <g
      data-shape={props.id}
      data-kind={shape.kind}
      data-color={shape.color}
      data-testid="shape"
      className={shape.filled ? 'shape filled' : 'shape'}
      style={{ color: `var(--${shape.color})`, visibility: props.hidden ? 'hidden' : undefined }}
      strokeWidth={shape.width}
    >
      <Outline shape={shape} />
    </g>
  )
})

function Outline({ shape }: { shape: Shape }) {
  const [x, y] = shape.at
  const [w, h] = shape.size ?? [0, 0]
  switch (shape.kind) {
    case 'pen':
      return shape.points ? <Stroke shape={shape} points={shape.points} /> : null
    case 'line':
      return <line x1={x} y1={y} x2={x + w} y2={y + h} />
    case 'rectangle':
      return <Rectangle box={boxOf([x, y], [x + w, y + h])} />
    case 'ellipse': {
      const box = boxOf([x, y], [x + w, y + h])
      return <ellipse cx={box.x + box.w / 2} cy={box.y + box.h / 2} rx={box.w / 2} ry={box.h / 2} />
    }
    case 'text':
      return shape.text ? <Words shape={shape} text={shape.text} /> : null
  }
}

function Rectangle({ box }: { box: Box }) {
  return <rect x={box.x} y={box.y} width={box.w} height={box.h} rx={Math.min(8, box.w / 4, box.h / 4)} />
}

function Stroke({ shape, points }: { shape: Shape; points: SyncedList<number[]> }) {
  const [runs] = useList(points)
  return <path className="stroke" d={strokePath(strokeOf(shape, runs))} />
}

function Words({ shape, text }: { shape: Shape; text: SyncedText }) {
  const [words] = useText(text)
  const size = fontSize(shape.width)
  const lines = words.split('\n')
  return (
    <text className="words" fontSize={size}>
      {lines.map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
        <tspan key={i} x={shape.at[0]} y={shape.at[1] + size * (lineHeight * (i + 0.5) + 0.35)}>
          {line}
        </tspan>
      ))}
    </text>
  )
}
