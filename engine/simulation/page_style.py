"""How the page of a backtest looks: dark on white, in one column, without anything from elsewhere."""

STYLE = """
:root{color-scheme:light;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--tint:#f6f8fa;--look:#b42318;--accent:#2f6db5}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:#fff;color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
  "Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
svg{display:block;overflow:visible}
h1{font-size:2rem;line-height:1.2;margin:.1em 0 .3em;letter-spacing:-.01em}
h2{font-size:1.35rem;line-height:1.3;margin:0 0 .5em}
h3{font-size:1.02rem;margin:1.6em 0 .4em}
h4{font-size:.9rem;margin:.4em 0;color:var(--soft)}
p{margin:.5em 0;max-width:75ch}
ul{padding-left:1.2em;max-width:80ch}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--tint);padding:.1em .35em;
  border-radius:4px;overflow-wrap:anywhere}
section{border-top:1px solid var(--line);margin-top:36px;padding-top:24px}
.kicker{text-transform:uppercase;letter-spacing:.08em;font-size:.8rem;font-weight:600;color:var(--accent);margin:0}
.lead{font-size:1.1rem}
.meta{color:var(--soft);font-size:.88rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:20px 0 0}
.figures div{background:var(--tint);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.figures dt{color:var(--soft);font-size:.82rem;line-height:1.3}
.figures dd{margin:2px 0 0;font-size:1.4rem;font-weight:650;font-variant-numeric:tabular-nums}
.findings{list-style:none;padding:0;margin:.6em 0;display:grid;gap:8px;max-width:none}
.findings li{border:1px solid var(--line);border-left:5px solid var(--soft);border-radius:6px;padding:10px 14px;
  overflow-wrap:anywhere}
.findings li.look{border-left-color:var(--look);background:#fff8f7}
.tag{display:inline-block;font-size:.72rem;text-transform:uppercase;letter-spacing:.05em;color:var(--soft);
  margin-right:.5em}
.look .tag{color:var(--look)}
.warn{border-left:4px solid #b8982c;background:#fffbee;padding:8px 12px}
figure{margin:14px 0 6px}
figcaption{font-weight:600;font-size:.92rem;margin-bottom:8px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;margin:0 0 10px;font-size:.86rem;
  max-width:none}
.legend i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
.legend span{color:var(--soft)}
details{margin:8px 0}
summary{cursor:pointer;color:var(--accent);font-size:.9rem}
.example{border:1px solid var(--line);border-radius:6px;padding:8px 14px}
.example summary{color:var(--ink);overflow-wrap:anywhere}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:20px}
.timeline{list-style:none;padding:0;margin:0;font-size:.86rem}
.timeline li{padding:4px 0;border-top:1px solid #eef1f4;overflow-wrap:anywhere}
.timeline time{color:var(--soft);display:inline-block;min-width:6.6em}
.only{color:var(--look);font-size:.78rem}
.none{color:var(--soft)}
.scroll{overflow-x:auto;max-width:100%;border:1px solid var(--line);border-radius:6px;margin:8px 0}
table{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{text-align:left;padding:6px 12px;border-top:1px solid #eef1f4;white-space:nowrap;vertical-align:top}
#goals td:last-child,#cost td:last-child{white-space:normal;min-width:12em}
thead th{border-top:0;background:var(--tint);font-weight:600}
.n{text-align:right}
@media(max-width:640px){
 main{padding:20px 14px 48px}
 h1{font-size:1.55rem}
 .figures{grid-template-columns:1fr 1fr;gap:8px}
 .figures dd{font-size:1.15rem}
 .sides{grid-template-columns:1fr;gap:6px}
 th,td{padding:5px 9px}
}
@media print{
 main{max-width:none;padding:0}
 body{font-size:11pt}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
 figure,.findings li,.figures div,tr{break-inside:avoid}
 h2,h3{break-after:avoid}
 .scroll{overflow:visible;border:0}
 th,td{white-space:normal;padding:2px 6px}
 details::details-content{content-visibility:visible;display:block}
 summary{color:var(--soft)}
}
"""
