/// How a report page looks: one style sheet, for light and dark, phone and desk, screen and paper. No fonts from outside.
enum PageStyle {
    static let sheet: StaticString = """
        :root {
          color-scheme: light dark;
          --paper: #ffffff; --ink: #1c1e21; --soft: #565c63; --rule: #dcdfe3; --band: #f4f5f7;
          --link: #00619c; --good: #00694c; --bad: #a83f00;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #15171a; --ink: #e9eaec; --soft: #a9afb7; --rule: #363b42; --band: #1e2125;
            --link: #7cc4f2; --good: #5bd6ac; --bad: #f5b173;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--paper); color: var(--ink);
          font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
          overflow-wrap: break-word;
        }
        header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
        header { padding-top: clamp(1.5rem, 5vw, 3.5rem); }
        footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--soft); font-size: 0.875rem; }
        h1, h2, .lead { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", "Liberation Serif", Georgia, serif; }
        h1 { font-size: clamp(1.75rem, 4.5vw, 2.5rem); line-height: 1.15; font-weight: 600; margin: 0 0 0.4rem; letter-spacing: -0.01em; }
        h2 { font-size: 1.45rem; line-height: 1.25; font-weight: 600; margin: 0 0 0.75rem; }
        h3 { font-size: 1rem; font-weight: 600; margin: 1.5rem 0 0.5rem; }
        section { padding: 2.25rem 0 0.5rem; }
        section + section { border-top: 1px solid var(--rule); margin-top: 1.75rem; }
        p, ul, dl { max-width: 44rem; margin: 0 0 0.9rem; }
        .meta { color: var(--soft); }
        .lead { font-size: 1.2rem; line-height: 1.5; }
        .use { border-left: 3px solid var(--bad); padding: 0.1rem 0 0.1rem 0.8rem; font-size: 0.9375rem; }
        a { color: var(--link); text-underline-offset: 0.15em; }
        a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: 2px; }
        .skip { position: absolute; left: -100vw; top: 0; background: var(--paper); padding: 0.5rem 1rem; }
        .skip:focus { left: 1rem; }
        nav ul { list-style: none; padding: 0; margin: 1rem 0 0; max-width: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.25rem; font-size: 0.9375rem; }
        nav a { display: inline-block; padding: 0.2rem 0; }
        .verdicts { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.5rem; }
        .verdict h3 { margin: 0 0 0.25rem; }
        .verdict ul { padding-left: 1.1rem; margin: 0; }
        .verdict li { margin: 0.2rem 0; }
        .verdicts + p { margin-top: 1.5rem; }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 0.75rem 1rem; margin: 1rem 0 0.9rem; max-width: 58rem; }
        .facts dt { color: var(--soft); font-size: 0.875rem; }
        .facts dd { margin: 0; font-size: 1.35rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
        .facts dd small { color: var(--soft); font-size: 0.8125rem; white-space: nowrap; display: block; }
        .scroll { overflow-x: auto; margin: 0 0 1rem; max-width: 100%; }
        table { border-collapse: collapse; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: var(--soft); font-size: 0.875rem; padding: 0 0 0.4rem; }
        th, td { padding: 0.34rem 1.4rem 0.34rem 0; text-align: left; vertical-align: baseline; }
        th:last-child, td:last-child { padding-right: 0.2rem; }
        thead th { border-bottom: 1.5px solid var(--soft); font-weight: 600; font-size: 0.875rem; vertical-align: bottom; }
        tbody tr { border-bottom: 1px solid var(--rule); }
        tbody th { font-weight: 400; max-width: 22rem; min-width: 7.5rem; overflow-wrap: normal; }
        bdi { overflow-wrap: anywhere; }
        .n { text-align: right; white-space: nowrap; }
        td.n:has(+ .i) { padding-right: 0.5rem; }
        td.i { color: var(--soft); font-size: 0.8125rem; white-space: nowrap; }
        .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr)); gap: 1.5rem 2.5rem; margin: 0 0 1rem; }
        .panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10.5rem, 46%), 1fr)); gap: 1rem 1.25rem; margin: 0 0 1rem; }
        figure { margin: 0; min-width: 0; }
        figcaption { font-size: 0.875rem; color: var(--soft); margin-bottom: 0.4rem; overflow-wrap: anywhere; }
        figcaption strong { color: var(--ink); font-weight: 600; }
        svg.chart { display: block; width: 100%; height: auto; max-width: 27rem; }
        .panels svg.chart { max-width: 12rem; }
        .case { margin: 0 0 1.75rem; }
        .strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0.75rem; }
        .strip img { display: block; width: 100%; height: auto; border: 1px solid var(--rule); image-rendering: pixelated; background: #000000; }
        .strip figcaption { margin: 0.25rem 0 0; }
        .key { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; padding: 0; font-size: 0.875rem; max-width: none; }
        .key svg { width: 0.9rem; height: 0.9rem; vertical-align: -0.1rem; margin-right: 0.35rem; }
        details { margin: 0 0 1rem; }
        summary { cursor: pointer; color: var(--link); width: fit-content; padding: 0.2rem 0; }
        dl.terms dt { font-weight: 600; margin-top: 0.7rem; }
        dl.terms dd { margin: 0; }
        code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.875em; overflow-wrap: anywhere; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        @media (max-width: 40rem) { section { padding-top: 1.75rem; } th, td { padding-right: 0.9rem; } table { font-size: 0.875rem; } }
        @media print {
          :root {
            --paper: #ffffff; --ink: #1c1e21; --soft: #565c63; --rule: #dcdfe3; --band: #f4f5f7;
            --link: #00619c; --good: #00694c; --bad: #a83f00;
          }
          @page { margin: 16mm 14mm; }
          body { font-size: 9.5pt; }
          header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
          nav, .skip { display: none; }
          section { padding-top: 1.2rem; }
          figure, tr, .verdict, .case, .facts { break-inside: avoid; }
          h2, h3, caption { break-after: avoid; }
          .scroll { overflow: visible; }
          th, td { padding-right: 0.9rem; }
          .figures { grid-template-columns: 1fr 1fr; gap: 1rem; }
          .panels { grid-template-columns: repeat(4, 1fr); }
          .strip { grid-template-columns: repeat(5, 1fr); }
          a { color: inherit; text-decoration: none; }
        }

        """
}
