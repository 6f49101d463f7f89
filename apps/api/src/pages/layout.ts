/** What all pages for operators have in common. They work without scripts: those of `assets/` only keep them up to date. */
import { html, type Html, type Shown } from './html.ts'

/** Where the files of the pages are. */
export const ASSETS_PATH = '/admin/assets'

/** A place in the navigation. */
export type Place = 'status' | 'messages' | 'queues'

const PLACES: readonly { place: Place; path: string; name: string }[] = [
  { place: 'status', path: '/admin', name: 'Status' },
  { place: 'messages', path: '/admin/messages', name: 'Messages' },
  { place: 'queues', path: '/admin/queues', name: 'Queues' },
]

/** A whole page. @param content.styles more style sheets, by their names in `assets/` */
export function page(content: {
  title: string
  current: Place
  body: Shown
  styles?: readonly string[]
}): string {
  const { title, current, body, styles = [] } = content
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Relais</title>
        <link rel="icon" href="${ASSETS_PATH}/icon.svg" type="image/svg+xml" />
        ${['admin.css', ...styles].map((name) => html`<link rel="stylesheet" href="${ASSETS_PATH}/${name}" />`)}
        <script src="${ASSETS_PATH}/theme.js"></script>
        <script type="module" src="${ASSETS_PATH}/admin.js"></script>
      </head>
      <body>
        <a class="skip" href="#main">To the content</a>
        <header class="top">
          <p class="brand">Relais</p>
          <nav aria-label="Pages">
            <ul>
              ${PLACES.map((each) => link(each, current))}
            </ul>
          </nav>
          <p class="live" id="live" role="status" hidden></p>
          <button id="theme" class="round" type="button" hidden>Dark</button>
        </header>
        <main id="main">${body}</main>
      </body>
    </html>`.text
}

function link({ place, path, name }: (typeof PLACES)[number], current: Place): Html {
  return place === current
    ? html`<li><a href="${path}" aria-current="page">${name}</a></li>`
    : html`<li><a href="${path}">${name}</a></li>`
}
