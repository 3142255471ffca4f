/** The whole look of a report: light and dark by the reader's wish, fit for print. */
export const STYLE = `
:root{color-scheme:light dark;--bg:light-dark(#fff,#14161a);--sunk:light-dark(#f5f6f8,#1c1f25);--ink:light-dark(#171a21,#e8eaee);--dim:light-dark(#596170,#a3abb9);--line:light-dark(#e2e5ea,#2d323b);--r:light-dark(#c3cad6,#48505f);--c:light-dark(#1c5fd4,#7fb0ff);--drift:light-dark(#b3261e,#ff8f87);--ok:light-dark(#17693c,#6fd39b);--insufficient:light-dark(#7a5600,#e6bb5c)}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0;letter-spacing:-.01em}
h2{font-size:17px;margin:44px 0 12px}
h3{font-size:15px;margin:0;overflow-wrap:anywhere}
p{margin:0}
.dim,small,th,dt{color:var(--dim)}
.top{display:flex;justify-content:space-between;gap:16px;align-items:start;margin-bottom:22px}
.files{overflow-wrap:anywhere;margin-top:4px}
button,input{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:7px;padding:6px 12px}
button{cursor:pointer}
button[aria-pressed=true]{background:var(--ink);color:var(--bg);border-color:var(--ink)}
:focus-visible{outline:2px solid var(--c);outline-offset:2px}
.verdict{border:1px solid var(--line);border-left:5px solid var(--s);border-radius:10px;padding:18px 22px;background:var(--sunk)}
.verdict strong{display:block;font-size:21px;line-height:1.3;color:var(--s);margin-bottom:4px}
.facts{display:flex;flex-wrap:wrap;gap:10px 40px;margin:20px 0 0}
.facts dt{font-size:13px}.facts dd{margin:0;font-size:17px;font-variant-numeric:tabular-nums}
.drift{--s:var(--drift)}.ok{--s:var(--ok)}.insufficient{--s:var(--insufficient)}
.state{color:var(--s);font-weight:600;white-space:nowrap}
.state::before{content:"●";font-size:10px;margin-right:6px;vertical-align:1px}
.drift.state::before{content:"▲"}.insufficient.state::before{content:"○"}
.legend{display:flex;gap:18px;font-size:13px;color:var(--dim)}
.legend i{display:inline-block;width:14px;height:10px;margin-right:6px;border-radius:2px;background:var(--r)}
.legend i.c{height:0;border-top:2.5px solid var(--c);background:none;vertical-align:3px;border-radius:0}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:4px 16px;margin:44px 0 12px}.head h2{margin:0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:16px}
.card{border:1px solid var(--line);border-radius:10px;padding:16px 18px;min-width:0;break-inside:avoid}
.card header{display:flex;justify-content:space-between;gap:12px;align-items:baseline}
.card header span{white-space:nowrap;font-size:13px;color:var(--dim)}
.card>p{margin:2px 0 12px}
.card dl{display:flex;flex-wrap:wrap;gap:4px 22px;margin:12px 0 0;font-size:13px;font-variant-numeric:tabular-nums}.card dl div{display:flex;gap:6px}.card dd{margin:0}
svg{display:block;width:100%;overflow:visible}
svg.large{height:120px;border-bottom:1px solid var(--line)}
svg.small{width:130px;height:30px}
path.r{fill:var(--r)}path.c{fill:none;stroke:var(--c);stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.axis{display:flex;justify-content:space-between;font-size:12px;color:var(--dim);margin-top:4px;font-variant-numeric:tabular-nums}
.bars{display:grid;grid-template-columns:minmax(60px,auto) 1fr auto;gap:7px 12px;align-items:center;font-size:13px}
.bars b{display:grid;gap:2px}.bars i{display:block;height:7px;border-radius:2px;min-width:1px;background:var(--r)}.bars i.c{background:var(--c)}
.card .bars+svg,.card .bars+.bars{margin-top:14px}
.bars .n{text-align:right;font-variant-numeric:tabular-nums}.bars small{margin-left:6px}
.tools{display:flex;flex-wrap:wrap;gap:8px;margin-bottom:12px}.tools input{flex:1 1 220px;min-width:0}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:500;font-size:13px;text-align:left;background:var(--sunk)}
th,td{padding:8px 14px;border-bottom:1px solid var(--line);vertical-align:middle}
tbody tr:last-child>*{border-bottom:0}
tbody th{background:none;color:inherit;font-weight:600;font-size:14px;max-width:260px;overflow-wrap:anywhere}
tbody th small{font-weight:400;display:block}
button small{color:inherit;opacity:.75}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td p{max-width:340px;font-size:13px;color:var(--dim);min-width:160px}
footer{margin-top:44px;font-size:13px;color:var(--dim);border-top:1px solid var(--line);padding-top:16px;display:grid;gap:6px}
@media print{.tools,.top button{display:none}main{max-width:none;padding:0}}
@media(max-width:640px){main{padding:22px 16px 48px}th,td{padding:8px 10px}}
`

/** The filter of the table and the switch of the theme; a report without it can still be read whole. */
export const SCRIPT = `
const rows=[...document.querySelectorAll('#columns tbody tr')],find=document.querySelector('#find'),picks=[...document.querySelectorAll('[data-pick]')];let pick='';
function show(){const q=find.value.toLowerCase();let n=0;for(const r of rows){const is=(!pick||r.dataset.s===pick)&&r.dataset.n.includes(q);r.hidden=!is;n+=is}document.querySelector('#found').textContent=n+' shown'}
if(find){find.addEventListener('input',show);for(const b of picks)b.addEventListener('click',()=>{pick=b.dataset.pick;for(const o of picks)o.setAttribute('aria-pressed',o===b);show()})}
const t=document.querySelector('#theme');t.hidden=false;t.addEventListener('click',()=>{const s=document.documentElement.style,d=s.colorScheme||(matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light');s.colorScheme=d==='dark'?'light':'dark'})
`
