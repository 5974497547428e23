# Makes and copies the fixtures of this folder: run it here, with LUCENCY_SHARED naming the folder of shared data.
import json,shutil,struct,hashlib,os
import numpy as np, tifffile, imagecodecs
D=os.environ['LUCENCY_SHARED']+'/data/'; O='./'
ex=json.load(open(D+'expected.json'))['files']
names='''image-tiff/minisblack-1c-3b.tiff image-tiff/miniswhite-1c-3b.tiff image-tiff/minisblack-1c-7b.tiff image-tiff/random-fp16-pred2.tiff
image-tiff/white-fp16-pred3.tiff image-tiff/tiled-gray-i1.tif image-tiff/extra_bits_gray_8b.tiff image-tiff/imagemagick_group4.tiff image-tiff/gradient-3c-32b.tiff
image-tiff/minisblack-2c-8b-alpha.tiff image-tiff/int8.tif
seq/seq-1c-8b-multipage-adeefdcc.tiff seq/seq-1c-8b-tiled-lzw-20f3db0c.tiff seq/seq-1c-16b-bigendian-68f373a0.tiff seq/seq-1c-16b-multistrip-68f373a0.tiff
seq/seq-1c-24b-072a9dc9.tiff seq/seq-1c-1b-fax3-71f6a21a.tiff seq/seq-1c-64f-deflate-fpredict-afa8560e.tiff seq/seq-3c-10b-planar-c82e8ab6.tiff
seq/seq-3c-12b-contig-e6f40b4a.tiff seq/seq-3c-i16-f7fcf423.tiff seq/seq-4c-16b-cmyk-c6e52592.tiff seq/seq-4c-8b-rgba-unassoc-50969cda.tiff seq/seq-1c-8b-palette-89b39bc3.tiff
seq/seq-1c-4b-miniswhite-fb92dcae.tiff
pillow/multipage.tiff pillow/multipage_multiple_frame_loop.tiff pillow/g4-fillorder-test.tif pillow/child_ifd.tiff pillow/separate_planar_extra_samples.tiff pillow/16bit.s.tif
pillow/oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif pillow/libtiff_segfault.tif pillow/crash-63b1dffefc8c075ddc606c0a2f5fdc15ece78863.tif'''.split()
out={}
for n in names:
    e=ex['tiff-conformance/'+n]; b=n.split('/')[1]; shutil.copy(D+'tiff-conformance/'+n,O+b)
    out[b]={k:e[k] for k in ('status','pageCount','pages','reason') if k in e}
    for p in out[b].get('pages',[]):
        for k in list(p):
            if k not in('stored','lossy'): del p[k]
def facts(a,axes):
    a=np.ascontiguousarray(a)
    return {'shape':list(a.shape),'axes':axes,'dtype':str(a.dtype),'min':float(a.min()) if a.dtype.kind=='f' else int(a.min()),'max':float(a.max()) if a.dtype.kind=='f' else int(a.max()),'mean':float(a.astype(np.float64).mean()),'sha256':hashlib.sha256(a.tobytes()).hexdigest()}
def add(name,arrays,axes,lossy=False):
    out[name]={'status':'ok','pageCount':len(arrays),'pages':[dict({'stored':facts(a,axes)},**({'lossy':True} if lossy else {})) for a in arrays]}
rng=np.random.default_rng(1)
def raw(name,order,entries,data,big=False):
    "one page, one strip, tags as (tag, type, values)"
    body=order.encode()*2
    e='<' if order=='I' else '>'
    body+=struct.pack(e+'HI',42,8+len(data))+data
    entries=sorted(entries+[(273,4,[8]),(279,4,[len(data)])])
    ifd=struct.pack(e+'H',len(entries)); tail=b''; base=len(body)+2+12*len(entries)+4
    for tag,typ,vals in entries:
        if typ==2: b=vals; n=len(vals)
        elif typ==5: b=b''.join(struct.pack(e+'II',*v) for v in vals); n=len(vals)
        else: b=b''.join(struct.pack(e+{3:'H',4:'I'}[typ],v) for v in vals); n=len(vals)
        if len(b)<=4: ifd+=struct.pack(e+'HHI',tag,typ,n)+b.ljust(4,b'\0')
        else: ifd+=struct.pack(e+'HHII',tag,typ,n,base+len(tail)); tail+=b+b'\0'*(len(b)%2)
    open(O+name,'wb').write(body+ifd+struct.pack(e+'I',0)+tail)
def gray(w,h,bits,fmt,photo=1,spp=1): return [(256,4,[w]),(257,4,[h]),(258,3,[bits]*spp),(259,3,[1]),(262,3,[photo]),(277,3,[spp]),(278,4,[h]),(339,3,[fmt]*spp)]
# 24-bit integers, most significant byte first, big endian
a=(np.arange(35,dtype=np.uint32)*479001).reshape(5,7)&0xffffff
raw('made-24b-bigendian.tif','M',gray(7,5,24,1),b''.join(int(v).to_bytes(3,'big') for v in a.ravel())); add('made-24b-bigendian.tif',[a],'yx')
# signed odd widths
def pack(vals,bits): 
    rows=b''
    for r in vals:
        s=''.join(format(int(v)&((1<<bits)-1),'0%db'%bits) for v in r); s+='0'*(-len(s)%8); rows+=int(s,2).to_bytes(len(s)//8,'big')
    return rows
a=rng.integers(-2048,2048,(5,7)).astype(np.int16); raw('made-12b-signed.tif','I',gray(7,5,12,2),pack(a,12)); add('made-12b-signed.tif',[a],'yx')
a=rng.integers(0,1<<20,(5,7)).astype(np.uint32); raw('made-20b.tif','I',gray(7,5,20,1),pack(a,20)); add('made-20b.tif',[a],'yx')
a=rng.integers(-(1<<40),1<<40,(5,7)).astype(np.int64); raw('made-41b-signed.tif','M',gray(7,5,41,2),pack(a,41)); add('made-41b-signed.tif',[a],'yx')
# float24 by imagecodecs
a=np.array([0,1,-2.5,1e-3,3e7,np.float32(2**-62),0.1,-1e10],np.float32).reshape(2,4)
for order,e in(('I','<'),('M','>')):
    enc=imagecodecs.float24_encode(a,byteorder=e); dec=imagecodecs.float24_decode(enc,byteorder=e).reshape(2,4)
    n='made-float24-%s.tif'%('little' if order=='I' else 'big'); raw(n,order,gray(4,2,24,3),enc); add(n,[dec.astype(np.float32)],'yx')
# YCbCr 2x2 without compression: 5 x 3 pixels, gray and colour units; RGB by the formula of TIFF 6.0 section 21
w,h=5,3; units=[]; Y=rng.integers(0,256,(4,6)); CB=rng.integers(60,200,(2,3)); CR=rng.integers(60,200,(2,3)); CB[0,0]=CR[0,0]=128
for j in range(2):
    for i in range(3): units+=list(Y[2*j:2*j+2,2*i:2*i+2].ravel())+[CB[j,i],CR[j,i]]
raw('made-ycbcr-2x2.tif','I',gray(w,h,8,1,6,3)+[(530,3,[2,2]),(531,3,[2])],bytes(int(v) for v in units))
cb=(CB.repeat(2,0).repeat(2,1)-128.)*1.0; cr=CR.repeat(2,0).repeat(2,1)-128.
R=Y+1.402*cr; B=Y+1.772*cb; G=(Y-0.299*R-0.114*B)/0.587
rgb=np.clip(np.rint(np.stack([R,G,B],-1)),0,255).astype(np.uint8)[:h,:w]; add('made-ycbcr-2x2.tif',[rgb],'yxc',True)
# codecs
a=(np.add.outer(np.arange(24)*3,np.arange(40)*5)%256).astype(np.uint8)
for c in('lerc','lzma','zstd','webp','packbits','lzw'):
    n=f'made-{c}.tif'
    if c=='webp': x=np.stack([a,a[::-1],a],-1); tifffile.imwrite(O+n,x,compression='webp',compressionargs={'lossless':True},photometric='rgb',metadata=None,software=''); add(n,[x],'yxc')
    else: tifffile.imwrite(O+n,a,compression=c,metadata=None,software=''); add(n,[a],'yx')
tifffile.imwrite(O+'made-jpeg2000.tif',a,compression='jpeg2000',metadata=None,software='')
out['made-jpeg2000.tif']={'status':'error','reason':'this libtiff has no JPEG 2000'}
x=(rng.standard_normal((8,8))+1j*rng.standard_normal((8,8))).astype(np.complex64)
tifffile.imwrite(O+'made-complex.tif',x,metadata=None,software=''); out['made-complex.tif']={'status':'error','reason':'complex'}
# ImageJ and OME stacks
v=np.arange(3*5*7,dtype=np.uint16).reshape(3,5,7)
tifffile.imwrite(O+'made-imagej-z.tif',v,imagej=True,resolution=(4.0,2.0),metadata={'axes':'ZYX','spacing':1.5,'unit':'um'}); add('made-imagej-z.tif',list(v),'yx')
tifffile.imwrite(O+'made-imagej-c.tif',v,imagej=True,metadata={'axes':'CYX'}); add('made-imagej-c.tif',list(v),'yx')
tifffile.imwrite(O+'made-imagej-tz.tif',v.repeat(2,0).reshape(2,3,5,7),imagej=True,metadata={'axes':'TZYX'}); add('made-imagej-tz.tif',list(v.repeat(2,0)),'yx')
tifffile.imwrite(O+'made-ome-z.ome.tif',v,ome=True,metadata={'axes':'ZYX','PhysicalSizeX':4,'PhysicalSizeXUnit':'nm','PhysicalSizeY':5,'PhysicalSizeYUnit':'nm','PhysicalSizeZ':0.05,'PhysicalSizeZUnit':'µm'}); add('made-ome-z.ome.tif',list(v),'yx')
tifffile.imwrite(O+'made-ome-c.ome.tif',v,ome=True,metadata={'axes':'CYX'}); add('made-ome-c.ome.tif',list(v),'yx')
# resolution tags
t=np.arange(16,dtype=np.uint8).reshape(4,4)
for n,res,unit in(('inch-254',(254,127),2),('cm-100',(100,50),3),('none',(100,100),1),('72dpi',(72,72),2),('28px-cm',(28.34,28.34),3),('one',(1,1),3)):
    raw(f'made-resolution-{n}.tif','I',gray(4,4,8,1)+[(282,5,[(round(res[0]*1000),1000)]),(283,5,[(round(res[1]*1000),1000)]),(296,3,[unit])],t.tobytes()); add(f'made-resolution-{n}.tif',[t],'yx')
# one strip, deflate, for the row decoder; and RGB with a palette of 16-bit colours
big=(rng.integers(0,50,(300,64)).astype(np.uint16)); tifffile.imwrite(O+'made-one-strip.tif',big,compression='deflate',rowsperstrip=300,metadata=None,software=''); add('made-one-strip.tif',[big],'yx')
big=(rng.integers(0,50,(2,150,64)).astype(np.uint8)); tifffile.imwrite(O+'made-planar-strips.tif',big,planarconfig='separate',photometric='minisblack',compression='deflate',rowsperstrip=150,metadata=None,software=''); add('made-planar-strips.tif',[big],'cyx')
# mutable axis: a page beyond the end, as a truncated file has
b=bytearray(open(O+'made-resolution-none.tif','rb').read())
o=struct.unpack('<I',b[4:8])[0];n=struct.unpack('<H',b[o:o+2])[0]; b[o+2+12*n:o+6+12*n]=struct.pack('<I',1<<20); open(O+'made-second-page-beyond.tif','wb').write(b); out['made-second-page-beyond.tif']={'status':'error','reason':'the chain leads beyond the end'}
# cross-check what is raw with tifffile
for n in out:
    if n.startswith('made-') and out[n]['status']=='ok' and not out[n]['pages'][0].get('lossy'):
        with tifffile.TiffFile(O+n) as f:
            for p,e in zip(f.pages,out[n]['pages']):
                try: s=facts(p.asarray(),e['stored']['axes'])['sha256']; 
                except Exception as x: print(n,'tifffile:',x); break
                if s!=e['stored']['sha256']: print('DIFF',n,p.asarray().dtype,p.asarray().shape)
json.dump(out,open(O+'expected.json','w'),indent=1,sort_keys=True)
print(len(out),sum(os.path.getsize(O+f) for f in os.listdir(O)))
