// Downloads the board as a drawing or a picture, in the colours that are on the screen.
import type { Board } from './model/board.js'
import { inOrder } from './model/edit.js'
import { grow, union } from './model/geometry.js'
import { boundsOf, fontFamily } from './model/shape.js'

export function exportSvg(board: Board): void {
  const drawing = draw(board)
  download(new Blob([drawing.svg], { type: 'image/svg+xml' }), `${fileName(board)}.svg`)
}

export async function exportPng(board: Board): Promise<void> {
  const { svg, width, height } = draw(board)
  // Twice as fine as the board, as far as browsers make pictures.
  const scale = Math.min(2, 8000 / Math.max(width, height))
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = Math.ceil(width * scale)
  canvas.height = Math.ceil(height * scale)
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (blob) download(blob, `${fileName(board)}.png`)
}

function draw(board: Board) {
  const ids = inOrder(board)
  const box = union(
    ids.flatMap((id) => {
      const shape = board.shape(id)
      return shape ? [grow(boundsOf(shape), shape.width / 2)] : []
    }),
  ) ?? { x: 0, y: 0, w: 320, h: 200 }
  const { x, y, w, h } = grow(box, 24)
  const paper = getComputedStyle(document.body).backgroundColor
  const parts = [...document.querySelectorAll<SVGGElement>('[data-shape]')].map((shape) => {
    const copy = shape.cloneNode(true) as SVGGElement
    copy.setAttribute('style', `color:${getComputedStyle(shape).color}`)
    return new XMLSerializer().serializeToString(copy)
  })
  const style =
    '.shape{fill:none;stroke:currentColor;stroke-linecap:round;stroke-linejoin:round}' +
    '.filled>rect,.filled>ellipse{fill:currentColor;fill-opacity:.16}' +
    `.shape>.words{fill:currentColor;stroke:none;font-family:${fontFamily};white-space:pre}`
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x} ${y} ${w} ${h}" width="${w}" height="${h}">` +
    `<style>${style}</style><rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${paper}"/>${parts.join('')}</svg>`
  return { svg, width: w, height: h }
}

function download(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function fileName(board: Board): string {
  return board.room.id.replace(/[^\p{L}\p{N}_-]+/gu, '-').slice(0, 60) || 'board'
}
