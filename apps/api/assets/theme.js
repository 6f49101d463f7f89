// Runs before the page is painted: the chosen theme, or that of the system. Storage may be closed to the page.
;(() => {
  const key = 'relais-theme'
  const root = document.documentElement
  const system = matchMedia('(prefers-color-scheme: dark)')

  function stored() {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  }

  function store(theme) {
    try {
      localStorage.setItem(key, theme)
    } catch {
      // The choice lasts as long as the page.
    }
  }

  const isDark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark'

  const chosen = stored()
  if (chosen === 'dark' || chosen === 'light') root.dataset.theme = chosen
  document.addEventListener('DOMContentLoaded', () => {
    const button = document.querySelector('#theme')
    const show = () => (button.textContent = isDark() ? 'Light' : 'Dark')
    button.hidden = false
    show()
    system.addEventListener('change', show)
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark'
      store(root.dataset.theme)
      show()
    })
  })
})()
