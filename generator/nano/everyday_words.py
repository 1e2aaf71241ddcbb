"""Everyday words about nano's world that its captions don't have, in each of its languages.

Tables alone: ``generator.nano.vocabulary`` joins them with what the captions say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

_ACCENT = re.compile("[\u0300-\u036f]")
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@dataclass(frozen=True, slots=True)
class Everyday:
    """A language's words, without accents.

    ``words`` say nothing of a clip, or say it in other words. ``colors`` are frequent ones that
    nano's pictures don't have. ``many`` are counts from three, ``denials`` say that what is said
    beside them is absent, and ``places`` stand before where something is, or what is with it.
    ``has_color_behind`` says whether a colour follows its noun.
    """

    words: frozenset[str]
    grounds: frozenset[str]
    objects: frozenset[str]
    pair: frozenset[str]
    many: frozenset[str]
    denials: frozenset[str]
    places: frozenset[str]
    colors: frozenset[str]
    shapes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    adverb_ending: str = ""
    verb_endings: tuple[str, ...] = ()
    has_color_behind: bool = False


def folded(word: str) -> str:
    """Return a word without its accents, which not every keyboard has."""
    bare = _ACCENT.sub("", unicodedata.normalize("NFKD", word.replace("ß", "ss")))
    return unicodedata.normalize("NFKC", bare)


def spellings(text: str) -> frozenset[str]:
    """Return the words of a text as people may type them: "grün" is "grun" or "gruen"."""
    words = text.split()
    return frozenset(folded(way) for word in words for way in (word, word.translate(_SPELLED_OUT)))


ENGLISH = Everyday(
    words=spellings("""
    a about above across after again all almost alone along also always am an and animate animated
    animation any anything are around art as at away back backdrop background backwards basic be
    beautiful before behind being below best big bit blank bold both bottom bright brightly
    brilliant but by called calm can canvas cartoon center centered centre clean clear clearly clip
    clockwise color colored colorful colour coloured come comes coming constant constantly
    continually continuous continuously cool corner could crazy create crisp cute cycle dark dead
    deep design different dim direction do does doing done down draw drawing drawn each easy edge
    edges effect elegant empty end endless endlessly energetic energy entire even ever every
    everything exactly extremely fairly fancy far fast faster favorite few fill filled film finally
    fine first fixed flat floor for forever forth forward frame frames from front full fun funny
    fuzzy gently geometric get gets giant gif give giving glossy go goes going good gradual
    gradually grand great ground had half happily happy hard has have having hd high his hold
    horizontal horizontally how hq huge i icon if image in infinite inside instant into is it its
    itself joyful just keep keeping keeps kind large lazily lazy left leftmost less let level light
    like line little lively lonely long look looking looks loop looped looping lot lots lovely low
    mad made make makes making many matte maybe me medium mid middle mini minimal minimalist modern
    more most motion move movement moves moving much my neat neon never new nice no non nonstop
    normal not nothing now object of off on once one only onto opposite or other out outside over
    own pace pale past pastel perfect perfectly picture place plain please position poster pretty
    pure quality quick quickly quiet quite rapid rapidly rate really regular regularly render
    rendered repeat repeated repeatedly repeating rhythm rhythmic rich right rightmost round same
    satisfying scene screen seamless seamlessly second seconds see seen shape shaped sharp shiny
    short should show showing shown shows side sides simple simply single size sized sleek slight
    slightly slow slower slowly small smaller smooth smoothly so soft soften softly solid some
    something soon speed spot square start starting starts steadily steady still stops straight
    strong style such sudden suddenly super surface take takes than that the their them then there
    these thing this those through time times tiny to top toward towards turn turns two-dimensional
    under uniform until up us using vector version vertical vertically very video vivid want wants
    was way well what when where which while who whole wide wild will with within without works
    would you your
    """),
    grounds=spellings("background backdrop"),
    objects=spellings("shape shapes object objects thing things form forms figure figures"),
    pair=spellings("two pair couple"),
    many=spellings("""
    dozen eight eleven five four hundred many multiple nine seven several six ten three twelve
    """),
    denials=spellings("""
    anything avoid can't doesn't don't isn't mustn't never no non not nothing shouldn't without
    """),
    places=spellings("""
    above across against among and around at behind beside by from in inside into like near next
    of on over past plus through toward towards under with
    """),
    colors=spellings("""
    bronze brown burgundy charcoal checkered coral dotted fuchsia indigo ivory khaki lavender lime
    magenta maroon mauve multicolored olive pink rainbow salmon silver striped teal transparent
    """),
    adverb_ending="ly",
    verb_endings=("ing", "ed"),
)
GERMAN = Everyday(
    words=spellings("""
    ab aber abwechselnd achse alle allein alles als am an animation animationen animiere animiert
    animierte animiertes anschließend auch auf aus außen beide beiden bewegen bewegend bewegende
    bewegt bewegung bild bilder bildmitte bildrand bildschirm bis bitte bleibt boden breit bunt
    bunte bunter buntes clip da dabei dann das dauernd davor dazu dem den der des dezent die diese
    dieser dieses doch dort draußen drehen drehend drehende dreht drehung dunkel dunkle dunklem
    dunklen dunkler dunkles durch durchgehend ecke eigene eigenen ein einander eine einem einen
    einer eines einfach einfache einfachem einfacher einfaches einfarbig einfarbigem einfarbigen
    einmal einzelne einzelner einzelnes endlos endlosschleife energie er erst es etwas exakt fallen
    fallend farbe farben farbig fest flach flache flacher flaches fliegen fliegend fliegt fläche
    form freundlich fröhlich für ganz geht genau geometrisch gerade gif glatt gleich gleichmäßig
    gleichzeitig gleiten gleitend gleitet grafik groß große großem großen großer großes größer
    größere hell helle hellem heller helles her herum hier hin hinab hinauf hinten hintergründe
    hinunter hoch hohe hoher hübsch hübscher hüpfen hüpfend hüpfender ich ihm ihn ihr im immer in
    ins irgendetwas ist ja jede jeder jedes kam klar klare klein kleine kleinem kleinen kleiner
    kleines kommt kontinuierlich kräftig kräftige kurz kurze kurzer kurzes lang langsam langsame
    langsamer langsames lass leicht leuchtend leuchtende leuchtender leuchtendes leuchtet linke
    linken links lustig lustiger mach mache macht mal matt mehr mehrfach minimalistisch mir mit
    mitte mittig mittlere möchte möglichst nach neben nebeneinander nett netter neu nicht nichts
    noch nun nur oben oder ohne permanent pulsiert qualität rand rasch rauf raum rechte rechten
    rechts reibungslos rein ringsum rollen rollt rotation rotieren rotierend rotierende rotierender
    rotierendes ruhig ruhigem rund runde runder rundes runter sanft sanfte sauber schleife schlicht
    schlichte schlichtem schlichten schlichter schlichtes schnell schnelle schneller schnelles
    schrumpfen schrumpfend schräg schweben schwebt schwung sehr sein seine seiner seite seitlich
    sekunde sekunden sich sie sieht sind sinken sinkend so solide soll sollen sollte springen
    springend springt stark steigen steigend stelle stetig still ständig stück super szene tempo
    tief tiefe tiefem toll toller tolles uhrzeigersinn um umher und unentwegt unten unter vergrößert
    verkleinert verschiebt verschwindet video viel vom von vor vorn vorne vorwärts waagerecht
    waagrecht wachsen wachsend wandert weg weich weiche weit weiter wenig wer werden wie wieder
    wiederholt will winzig winzige winziger winziges wird wobei während zeichne zeichnen zeichnung
    zeig zeige zeit zentral zieht zu zum zur zurück zusammen zwischen über
    """),
    grounds=spellings("hintergrund"),
    objects=spellings("form formen objekt objekte objekten figur figuren ding dinge sachen"),
    pair=spellings("zwei zweier paar"),
    many=spellings("""
    acht drei dutzend einige elf fünf hundert mehrere mehreren neun sechs sieben viele vielen vier
    zehn zwölf
    """),
    denials=spellings("nicht kein keine keinen keinem keiner ohne nie niemals außer nichts"),
    places=spellings("""
    am an auf aus bei durch hinter im in ins mit neben ober um und unter unterm vom von vor zwischen
    über
    """),
    colors=spellings("""
    braun braune braunem brauner braunes bronzen durchsichtig durchsichtiger gepunktet gepunkteter
    gestreift gestreifte gestreifter gestreiftes kariert karierter kariertes lachsfarben magenta
    mehrfarbig mehrfarbiger oliv pink pinker pinkes regenbogenfarben regenbogenfarbener rosa
    rosafarbener silbern silberne silbernem silberner silbernes
    """),
    shapes={
        "ball": spellings(
            "bälle bällen bälles balls kreise kreisen kugeln kugel scheibe scheiben punkt punkte"
        ),
        "square": spellings(
            "quadrate quadraten viereck vierecke würfeln kästchen kasten block klotz"
        ),
        "triangle": spellings("dreiecke dreiecken dreiecks pyramide pyramiden"),
        "star": spellings("sterne sternen sterns sternchen"),
    },
    verb_endings=("end", "ende", "ender", "endes"),
)
FRENCH = Everyday(
    words=spellings("""
    afin agrandissant agrandit aiguilles ailleurs allant aller alors animation animations anime
    animé animée arrière arrière-plan arrêt arrêter as au aussi autour autre autres aux avance avant
    avec axe bas beau belle bien bond bondir bondit bonds bord bords boucle bouclé bouge bougeant
    bougent brillant brillante but c calme ce cela centre ces cet cette chaque clair claire clairs
    clip coin coloré colorée comme constamment continu continue continuellement contre couleur
    couleurs court courte crée créer côté côtés d dans de dehors depuis derrière des descendant
    descendent descendre dessin dessine dessiner dessous dessus deux devant devenir devient deçà
    dois doit donc douce doucement doux droit droite du dynamique délicatement déplace déplacement
    déplacent déplaçant elle elles en encore endroit ensemble ensuite entier entière est et faire
    fais faisant fait fixe flottant flotte fluide fluidement fois foncé foncée fond fonds forme
    formes fort gauche gif glissant glisse grand grande grandes grandir grandissant grandissent
    grands gros grosse grossissant géant géométrique haut haute hauteur horizontal horizontale
    horizontalement ici il ils image images infini infinie intense j jamais je joli jolie joyeuse
    joyeux juste l la le lent lente lentement les leur lieu lisse loin lui là légèrement m ma main
    met mets mignon mignonne milieu minimaliste minuscule moi montant montent monter montre
    mouvement mouvements même n ne net nette noire non nous nouveau on ou où par partout pas passe
    pendant perpétuel petit petite petites petits peu pivotant place plan plat plate plein pleine
    plus point pour progressivement près puis qu qualité quand que quelque quelques qui rapetissant
    rapide rapidement rapides rebond rebondir rebondissant rebondissent rebonds recule redescend
    remonte reste retombe revient rien ronde rotation roulant roule régulier régulière régulièrement
    répète rétrécir rétrécissant rétrécissent s sa saut sautant sautent sauter sautille sauts se
    seconde secondes sens ses seul seule simple simples sol solide sombre son sont style suivant sur
    surface sympa t tant tes tombant tombent tomber toujours tour tournant tournent tourner tournoie
    tours tous tout toute toutes traversant traverse très un une uni unie uniforme unique vers
    vertical verticalement veux vidéo vif vite vitesse vive volant vole voler vont voudrais y à ça
    écran énergie énorme être
    """),
    grounds=spellings("fond arrière-plan"),
    objects=spellings("forme formes objet objets figure figures chose choses"),
    pair=spellings("deux paire"),
    many=spellings("""
    cent cinq dix douzaine douze huit neuf nombreuses nombreux onze plusieurs quatre sept six trois
    """),
    denials=spellings("pas sans ni non jamais aucun aucune sauf"),
    places=spellings("""
    autour avec chez contre côté dans derrière devant et parmi près sous sur
    """),
    colors=spellings("""
    arc-en-ciel argenté argentée bordeaux bronze brun brune bruns corail kaki lilas magenta marron
    marrons multicolore rayé rayée rose roses rosé transparent transparente
    """),
    shapes={
        "ball": spellings(
            "boule boules sphère sphères disque disques rond ronds balles cercles ballons bille"
        ),
        "square": spellings("carrés cubes bloc blocs boîte boîtes"),
        "triangle": spellings("triangles pyramide pyramides"),
        "star": spellings("étoiles"),
    },
    adverb_ending="ement",
    has_color_behind=True,
)
SPANISH = Everyday(
    words=spellings("""
    a abajo achica achicándose adelante además afuera agranda agrandándose agujas al alegre
    alegremente algo alrededor alta alto animaciones animación animada animado animar apaga aquí
    arriba así atrás aumenta aumentando aumentar aun avanza avanzando bajan bajando bajar bella
    bello bien bonita bonito borde bordes bota botando botar bote botes brillante brinca brincando
    bucle buena cada cae caen caer calidad calma cambia cambiando cayendo centro clara claro claros
    clip color colores como con constante constantemente continua continuamente continuo corta corto
    crea crear crecen crecer creciendo cual cuando da dando dar de debajo del delante dentro derecha
    derecho desde desliza deslizando deslizándose despacio después detrás dibuja dibujar dibujo
    dinámico dos dulcemente dura e eje el ella ellas ellos en encima encogiendo encogiéndose energía
    enorme entera entero entre es esa ese eso esquina esta este estilo esto está están fija fijo
    final firme flota flotando fluida fluido fondo fondos forma formas forzada fuera fuerte
    geométrica geométrico gif gigante giran girando girar giratoria giratorio giro giros gran grande
    grandes gráfico ha hace hacer hacerse haces hacia haciendo hasta hay haz horizontal
    horizontalmente imagen infinita infinito intensa intenso ir izquierda izquierdo junto juntos la
    lado lados las lenta lentamente lento les limpio linda lindo lisa liso llamativo lleno lo los
    luego lugar me mediana medio mi mientras minimalista misma mismo mitad moverse moviendo
    movimiento moviéndose muestra mueva mueve mueven muy muéstrame más ni no nueva nuevo nítido o
    oscura oscuro otra otro otros pantalla para parte pegando pequeña pequeñas pequeñito pequeño
    pequeños permanente pero plana plano poca poco por primero progresivamente puede pura puro que
    queda quiero quisiera rebotan rebotando rebotar reduce reduciéndose regresa regular reloj
    repetidamente repite retrocede rodando rotación rotando rotar rueda rápida rápidamente rápido
    saltan saltando saltar saltitos salto saltos se segundo segundos sencilla sencillo sentido ser
    si siempre sigue simple simples sin sobre sola solo son su suave suavemente suben subiendo subir
    suelo superficie sus sólida sólido tamaño también tan toda todas todo todos tras un una unas uno
    unos va van ve veces velocidad vertical verticalmente vez vibrante video viva vivo volando
    voltea vuela vuelta vueltas vuelve vídeo y ya yendo él único
    """),
    grounds=spellings("fondo"),
    objects=spellings("forma formas objeto objetos figura figuras cosa cosas"),
    pair=spellings("dos par"),
    many=spellings("""
    cien cinco cuatro diez doce docena muchas muchos nueve ocho once seis siete tres varias varios
    """),
    denials=spellings("no sin nunca jamás ningún ninguna excepto salvo"),
    places=spellings("""
    bajo con contra delante detrás en encima junto lado sobre y
    """),
    colors=spellings("""
    arcoíris bronce café caqui coral granate magenta marrones marrón multicolor plateada plateado
    rayada rayado rosa rosada rosado rosas transparente
    """),
    shapes={
        "ball": spellings(
            "esfera esferas disco discos balón balones punto puntos pelotas bolas círculos bolita"
        ),
        "square": spellings("cuadrados cubos caja cajas bloque bloques cuadradito"),
        "triangle": spellings("triángulos pirámide pirámides"),
        "star": spellings("estrellas estrellita"),
    },
    adverb_ending="mente",
    verb_endings=("ando", "endo", "ándose", "éndose"),
    has_color_behind=True,
)
