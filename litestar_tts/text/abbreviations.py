"""Words whose full stop does not end a sentence.

Compared without case and without the last full stop. A word that is missing here costs one pause too many; a word that
is here by mistake costs nothing but a longer piece, so short words that are also names are in.
"""

from __future__ import annotations

from typing import Final

__all__ = ("ABBREVIATIONS", "BEFORE_NUMBERS", "ORDINAL_NOUNS", "STARTERS")

_GERMANIC: Final = """
mr mrs ms mx dr prof st messrs mmes rev fr hon gen col maj capt cmdr lt sgt cpl pvt adm gov sen rep pres supt insp mt ft
vs viz cf approx dept univ assn bros al incl excl resp tel ext misc orig ca e.g i.e c.f a.k.a w.r.t n.b eg ie
bzw usf ggf evtl inkl exkl zzgl abzgl geb gest verh hr hrn frl ing dipl mag str nr bspw vgl sog allg insb bes z.b d.h
u.a u.ä o.ä o.g s.o s.u i.d.r u.u v.a z.t i.a m.e u.v.m z.zt dt engl frz lat griech abs abt jh jhd jhs hl kath ev mio
mrd tsd zzt
dhr mevr mw drs ir bijv bv nl m.b.t o.a d.w.z t.a.v m.n i.p.v t.o.v bl.a f.eks t.ex dvs jfr jf kl hhv
"""
_ROMANCE: Final = """
mm mme mmes mlle mlles mgr sr sra srta sres dra dna ud uds vd vds dn profa exmo exma ilmo ilma av avda pág pag pags ej
p.ej p.ex ex ss págs núm num cap tlf dott dott.ssa sig sig.ra sigg egr gent avv arch rag geom ecc.mo lic fig env cie
"""
_SLAVIC_AND_MORE: Final = """
np tzn tzw hab inż ul pl godz św jw tj tzv např např.č mj apod mudr phdr judr doc npr gđa odn kb ún vö sn doç bkz vb yy
г гг г-н г-жа ул пр просп пл пер кв стр корп тов гр проф акад доц инж св см ср напр т.е т.к т.н т.о т.п т.д и.о руб коп
тыс млн млрд обл респ пос рис табл гл вул буд
κα κος δρ καθ π.χ δηλ βλ σελ αρ τηλ λ.χ
"""
_NUMBERED: Final = """
no nos est nr p pp pg pgs fig figs eq eqs vol vols ch chap sec sect art arts par para ver v rev ed op bd kap abb tab abs
ziff s sp núm num n pág pag cap t tom гл рис табл стр с п ст пп арт σελ αρ ref tel ext apt ste rm
jan feb mar apr jun jul aug sep sept oct nov dec
"""
_ORDINALS: Final = """
Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober November Dezember Jahrhundert Jahrhunderts
Jahrestag Geburtstag Jh Jhd Weltkrieg Weltkrieges Weltkriegs Klasse Liga Bundesliga Platz Stock Etage Kapitel Runde
Auflage Band Teil Akt Mal Tag Woche Minute Stunde Semester Symphonie Sinfonie Internationale Armee Division
"""
_FIRST_WORDS: Final = """
The He She It They We You But And This That These Those In However There Then When If His Her Its Their Our My What Why
How Who
"""

ABBREVIATIONS: Final = frozenset((_GERMANIC + _ROMANCE + _SLAVIC_AND_MORE).split())
"""These run on whatever follows."""
BEFORE_NUMBERS: Final = frozenset(_NUMBERED.split())
"""These run on before a number ("No. 5", "Fig. 3", "Dec. 24"), and may end a sentence otherwise ("I said no.")."""
ORDINAL_NOUNS: Final = frozenset(_ORDINALS.split())
"""Capitalised words before which "3." is an ordinal number in German ("am 3. Oktober")."""
STARTERS: Final = frozenset(_FIRST_WORDS.split())
"""Words that begin a sentence more often than they go on after "U.S."."""
