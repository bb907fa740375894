// The texts of a page that stand out too little from what is behind them, by the formula of WCAG 2.2.
() => {
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const read = (text) => text.match(/[\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const rect = e.matches(".vertex") && e.querySelector("rect");
      const [r, g, b, alpha = 1] = read(rect ? getComputedStyle(rect).fill : getComputedStyle(e).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
  };
  const hasText = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  return [...document.body.querySelectorAll(":not(title, option, noscript)")]
    .filter((e) => e.checkVisibility() && hasText(e))
    .map((e) => {
      const style = getComputedStyle(e);
      const ink = luminance(read(e instanceof SVGElement ? style.fill : style.color));
      const paper = luminance(behind(e));
      return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), e.outerHTML.slice(0, 80)];
    })
    .filter(([ratio]) => !(ratio >= 4.5));
}
