// What the page itself says, in the languages that the bot speaks. A row has one sentence in all.

const LANGUAGES = ["en", "de", "fr", "es", "ja"];

// prettier-ignore
const SENTENCES = [
  // the frame
  ["Channels and people", "Kanäle und Personen", "Salons et personnes", "Canales y personas", "チャンネルとユーザー"],
  ["To the message box", "Zum Nachrichtenfeld", "Aller au champ de message", "Ir al campo de mensaje", "メッセージ欄へ"],
  ["Messages", "Nachrichten", "Messages", "Mensajes", "メッセージ"],
  ["Close", "Schließen", "Fermer", "Cerrar", "閉じる"],
  ["Cancel", "Abbrechen", "Annuler", "Cancelar", "キャンセル"],
  ["Submit", "Absenden", "Envoyer", "Enviar", "送信"],
  ["Done", "Fertig", "Terminé", "Listo", "完了"],
  ["Nowhere", "Nirgendwo", "Nulle part", "En ningún sitio", "場所なし"],
  ["somebody", "jemand", "quelqu’un", "alguien", "だれか"],
  // the sidebar
  ["Direct messages", "Direktnachrichten", "Messages privés", "Mensajes directos", "ダイレクトメッセージ"],
  ["new messages", "neue Nachrichten", "nouveaux messages", "mensajes nuevos", "新着メッセージ"],
  ["You are", "Du bist", "Vous êtes", "Eres", "あなた"],
  ["Somebody new…", "Jemand Neues …", "Quelqu’un d’autre…", "Alguien nuevo…", "新しいユーザー…"],
  ["Name of the new person", "Name der neuen Person", "Nom de la nouvelle personne", "Nombre de la persona nueva", "新しいユーザーの名前"],
  ["Add", "Hinzufügen", "Ajouter", "Añadir", "追加"],
  ["Language", "Sprache", "Langue", "Idioma", "言語"],
  ["Colours", "Farben", "Couleurs", "Colores", "配色"],
  ["As the system", "Wie das System", "Comme le système", "Como el sistema", "システムに合わせる"],
  ["Dark", "Dunkel", "Sombre", "Oscuro", "ダーク"],
  ["Light", "Hell", "Clair", "Claro", "ライト"],
  ["Make trouble", "Störungen machen", "Provoquer des pannes", "Provocar fallos", "障害を起こす"],
  ["An order of the sandbox", "Ein Befehl der Sandbox", "Une commande du bac à sable", "Una orden del entorno de pruebas", "サンドボックスへの命令"],
  ["Do it", "Ausführen", "Exécuter", "Ejecutar", "実行"],
  ["Done: {line}", "Ausgeführt: {line}", "Exécuté : {line}", "Ejecutado: {line}", "実行しました：{line}"],
  ["The sandbox isn't there. The page goes on as soon as it is started again; if it then has another address, open the one that it prints.", "Die Sandbox ist nicht da. Sobald sie wieder läuft, geht es hier weiter; hat sie dann eine andere Adresse, öffne die, die sie ausgibt.", "Le bac à sable n’est pas là. La page reprend dès qu’il redémarre ; s’il a alors une autre adresse, ouvrez celle qu’il affiche.", "El entorno de pruebas no está. La página sigue en cuanto vuelva a arrancar; si entonces tiene otra dirección, abre la que muestra.", "サンドボックスにつながりません。再び起動すると、このページは続きから動きます。アドレスが変わったときは、表示されたアドレスを開いてください。"],
  ["No bot is connected. The sandbox prints the line that starts one.", "Kein Bot ist verbunden. Die Sandbox gibt die Zeile aus, die einen startet.", "Aucun bot n’est connecté. Le bac à sable affiche la ligne qui en lance un.", "No hay ningún bot conectado. El entorno de pruebas muestra la línea que inicia uno.", "ボットが接続していません。サンドボックスが表示する行で起動してください。"],
  // messages
  ["Show earlier messages", "Frühere Nachrichten zeigen", "Afficher les messages précédents", "Mostrar mensajes anteriores", "以前のメッセージを表示"],
  ["Show later messages", "Spätere Nachrichten zeigen", "Afficher les messages suivants", "Mostrar mensajes posteriores", "以降のメッセージを表示"],
  ["To the newest message", "Zur neuesten Nachricht", "Aller au message le plus récent", "Ir al mensaje más reciente", "最新のメッセージへ"],
  ["Nothing was said here yet. Type / to see what the bot offers.", "Hier wurde noch nichts geschrieben. Tippe /, um zu sehen, was der Bot anbietet.", "Rien n’a encore été dit ici. Tapez / pour voir ce que le bot propose.", "Aún no se ha dicho nada aquí. Escribe / para ver qué ofrece el bot.", "まだメッセージがありません。/ を入力すると、ボットのコマンドが表示されます。"],
  ["a message that was deleted", "eine gelöschte Nachricht", "un message supprimé", "un mensaje eliminado", "削除されたメッセージ"],
  ["a message", "eine Nachricht", "un message", "un mensaje", "メッセージ"],
  ["{name} used {command}", "{name} hat {command} verwendet", "{name} a utilisé {command}", "{name} usó {command}", "{name} が {command} を使いました"],
  ["{name} is thinking…", "{name} denkt nach …", "{name} réfléchit…", "{name} está pensando…", "{name} が考えています…"],
  ["Forwarded", "Weitergeleitet", "Transféré", "Reenviado", "転送済み"],
  ["(edited)", "(bearbeitet)", "(modifié)", "(editado)", "（編集済み）"],
  ["Only you can see this", "Nur du kannst das sehen", "Visible par vous uniquement", "Solo tú puedes ver esto", "これはあなただけに表示されています"],
  ["Dismiss message", "Nachricht verwerfen", "Masquer le message", "Descartar mensaje", "メッセージを閉じる"],
  ["Apps", "Apps", "Applications", "Aplicaciones", "アプリ"],
  ["Apps for the message of {name}", "Apps für die Nachricht von {name}", "Applications pour le message de {name}", "Aplicaciones para el mensaje de {name}", "{name} のメッセージに使うアプリ"],
  ["Apps for {name}", "Apps für {name}", "Applications pour {name}", "Aplicaciones para {name}", "{name} に使うアプリ"],
  ["Picture", "Bild", "Image", "Imagen", "画像"],
  ["Film", "Film", "Vidéo", "Vídeo", "動画"],
  ["unknown", "unbekannt", "inconnu", "desconocido", "不明"],
  ["an invalid date", "ein ungültiges Datum", "une date invalide", "una fecha no válida", "無効な日時"],
  ["Spoiler", "Spoiler", "Spoiler", "Spoiler", "ネタバレ"],
  ["Spoiler; press to show it", "Spoiler; drücken, um ihn zu zeigen", "Spoiler ; appuyez pour l’afficher", "Spoiler; pulsa para mostrarlo", "ネタバレ。押すと表示します"],
  ["Button {label}", "Schaltfläche {label}", "Bouton {label}", "Botón {label}", "ボタン {label}"],
  ["Make a selection", "Wähle etwas aus", "Faites un choix", "Elige una opción", "選択してください"],
  ["There is nothing to choose here.", "Hier gibt es nichts auszuwählen.", "Il n’y a rien à choisir ici.", "Aquí no hay nada que elegir.", "選べるものがありません。"],
  ["A component of type {number}.", "Ein Baustein der Art {number}.", "Un composant de type {number}.", "Un componente de tipo {number}.", "種類 {number} のコンポーネント。"],
  // what is typed and attached
  ["Message {place}", "Nachricht an {place}", "Envoyer un message à {place}", "Mensaje para {place}", "{place} へメッセージを送信"],
  ["Nowhere to write", "Kein Ort zum Schreiben", "Nulle part où écrire", "No hay dónde escribir", "書き込める場所がありません"],
  ["Message, or / for a command", "Nachricht, oder / für einen Befehl", "Message, ou / pour une commande", "Mensaje, o / para un comando", "メッセージ、または / でコマンド"],
  ["Commands", "Befehle", "Commandes", "Comandos", "コマンド"],
  ["Send", "Senden", "Envoyer", "Enviar", "送信"],
  ["Attach files", "Dateien anhängen", "Joindre des fichiers", "Adjuntar archivos", "ファイルを添付"],
  ["Attached files", "Angehängte Dateien", "Fichiers joints", "Archivos adjuntos", "添付ファイル"],
  ["Drop files to attach them", "Lege Dateien hier ab, um sie anzuhängen", "Déposez les fichiers pour les joindre", "Suelta los archivos para adjuntarlos", "ファイルをドロップして添付"],
  ["Remove {name}", "{name} entfernen", "Retirer {name}", "Quitar {name}", "{name} を外す"],
  ["Add {name}: {description}", "{name} hinzufügen: {description}", "Ajouter {name} : {description}", "Añadir {name}: {description}", "{name} を追加：{description}"],
  ["Send /{name}", "/{name} senden", "Envoyer /{name}", "Enviar /{name}", "/{name} を送信"],
  ["Discard the command", "Befehl verwerfen", "Abandonner la commande", "Descartar el comando", "コマンドを取り消す"],
  ["Choices for {name}", "Auswahl für {name}", "Choix pour {name}", "Opciones de {name}", "{name} の候補"],
  ["Choose", "Auswählen", "Choisir", "Elegir", "選択"],
  ["True", "Wahr", "Vrai", "Verdadero", "はい"],
  ["False", "Falsch", "Faux", "Falso", "いいえ"],
  ["Nothing chosen", "Nichts ausgewählt", "Rien de choisi", "Nada elegido", "未選択"],
  ["This option is required.", "Diese Option ist erforderlich.", "Cette option est obligatoire.", "Esta opción es obligatoria.", "このオプションは必須です。"],
  ["{label}: a field of type {number}.", "{label}: ein Feld der Art {number}.", "{label} : un champ de type {number}.", "{label}: un campo de tipo {number}.", "{label}：種類 {number} の項目。"],
  ["{label} takes {count} files at most.", "{label} nimmt höchstens {count} Dateien.", "{label} accepte au plus {count} fichiers.", "{label} admite como máximo {count} archivos.", "{label} に付けられるファイルは {count} 個までです。"],
  ["There is no command {name} here; choose one of the list.", "Hier gibt es keinen Befehl {name}; wähle einen aus der Liste.", "Il n’y a pas de commande {name} ici ; choisissez-en une dans la liste.", "Aquí no hay ningún comando {name}; elige uno de la lista.", "ここには {name} というコマンドがありません。一覧から選んでください。"],
  ["A message takes {count} files; send the rest with another one.", "Eine Nachricht nimmt {count} Dateien; schicke die übrigen mit einer weiteren.", "Un message accepte {count} fichiers ; envoyez les autres avec un second message.", "Un mensaje admite {count} archivos; envía el resto en otro.", "1 つのメッセージに付けられるファイルは {count} 個です。残りは別のメッセージで送ってください。"],
  ["{name} has {size} MB, and {most} MB can be uploaded here; choose a smaller file.", "{name} hat {size} MB, hier können {most} MB hochgeladen werden; wähle eine kleinere Datei.", "{name} fait {size} Mo et on peut envoyer {most} Mo ici ; choisissez un fichier plus petit.", "{name} ocupa {size} MB y aquí se pueden subir {most} MB; elige un archivo más pequeño.", "{name} は {size} MB ですが、ここでアップロードできるのは {most} MB までです。もっと小さいファイルを選んでください。"],
  ["{name} could not be uploaded; is the sandbox still running?", "{name} konnte nicht hochgeladen werden; läuft die Sandbox noch?", "{name} n’a pas pu être envoyé ; le bac à sable tourne-t-il encore ?", "No se pudo subir {name}; ¿sigue en marcha el entorno de pruebas?", "{name} をアップロードできませんでした。サンドボックスは動いていますか？"],
  // trouble
  ["The connection to the sandbox broke; try it once more.", "Die Verbindung zur Sandbox ist abgebrochen; versuche es noch einmal.", "La connexion au bac à sable a été coupée ; réessayez.", "Se cortó la conexión con el entorno de pruebas; inténtalo otra vez.", "サンドボックスとの接続が切れました。もう一度試してください。"],
  ["The sandbox isn't there; the page waits for it.", "Die Sandbox ist nicht da; die Seite wartet auf sie.", "Le bac à sable n’est pas là ; la page l’attend.", "El entorno de pruebas no está; la página lo espera.", "サンドボックスにつながりません。ページは待っています。"],
  ["The application did not respond.", "Die Anwendung hat nicht geantwortet.", "L’application n’a pas répondu.", "La aplicación no respondió.", "アプリケーションが応答しませんでした。"],
  ["Loading options failed.", "Die Auswahl konnte nicht geladen werden.", "Les choix n’ont pas pu être chargés.", "No se pudieron cargar las opciones.", "候補を読み込めませんでした。"],
  ["No bot is connected to the sandbox.", "Kein Bot ist mit der Sandbox verbunden.", "Aucun bot n’est connecté au bac à sable.", "No hay ningún bot conectado al entorno de pruebas.", "サンドボックスに接続しているボットがありません。"],
  ["That message is gone.", "Diese Nachricht gibt es nicht mehr.", "Ce message n’existe plus.", "Ese mensaje ya no existe.", "そのメッセージはもうありません。"],
  ["That menu is no longer there.", "Dieses Menü gibt es nicht mehr.", "Ce menu n’existe plus.", "Ese menú ya no existe.", "そのメニューはもうありません。"],
  ["That form is no longer there; open it once more.", "Dieses Formular gibt es nicht mehr; öffne es noch einmal.", "Ce formulaire n’existe plus ; rouvrez-le.", "Ese formulario ya no existe; ábrelo otra vez.", "そのフォームはもうありません。もう一度開いてください。"],
  ["That file is no longer here; attach it once more.", "Diese Datei ist nicht mehr da; hänge sie noch einmal an.", "Ce fichier n’est plus là ; joignez-le à nouveau.", "Ese archivo ya no está; adjúntalo otra vez.", "そのファイルはもうありません。もう一度添付してください。"],
  ["That channel is gone; choose another one.", "Diesen Kanal gibt es nicht mehr; wähle einen anderen.", "Ce salon n’existe plus ; choisissez-en un autre.", "Ese canal ya no existe; elige otro.", "そのチャンネルはもうありません。ほかのチャンネルを選んでください。"],
  ["A person needs a name of 1 to 32 visible characters.", "Eine Person braucht einen Namen aus 1 bis 32 sichtbaren Zeichen.", "Une personne a besoin d’un nom de 1 à 32 caractères visibles.", "Una persona necesita un nombre de 1 a 32 caracteres visibles.", "名前は、見える文字 1〜32 文字で入力してください。"],
  ["That was too much at once; wait a moment.", "Das war zu viel auf einmal; warte einen Moment.", "C’était trop à la fois ; patientez un instant.", "Fue demasiado a la vez; espera un momento.", "一度に多すぎます。少し待ってください。"],
  // what the sandbox refuses
  ["The page asked for something that the sandbox doesn't know.", "Die Seite wollte etwas, das die Sandbox nicht kennt.", "La page a demandé quelque chose que le bac à sable ne connaît pas.", "La página pidió algo que el entorno de pruebas no conoce.", "サンドボックスの知らない操作が送られました。"],
  ["The page said nothing for {name}.", "Die Seite hat für {name} nichts angegeben.", "La page n’a rien indiqué pour {name}.", "La página no indicó nada para {name}.", "{name} の値が送られませんでした。"],
  ["The sandbox failed at that; its log says how.", "Daran ist die Sandbox gescheitert; wie, steht in ihrem Protokoll.", "Le bac à sable a échoué ; son journal dit comment.", "El entorno de pruebas falló; su registro dice cómo.", "サンドボックスで問題が起きました。詳しくはログを見てください。"],
  ["Discord would refuse that: {reason}", "Das würde Discord ablehnen: {reason}", "Discord le refuserait : {reason}", "Discord lo rechazaría: {reason}", "Discord では拒否されます：{reason}"],
  ["There is no such person; choose who you are.", "Diese Person gibt es nicht; wähle, wer du bist.", "Cette personne n’existe pas ; choisissez qui vous êtes.", "Esa persona no existe; elige quién eres.", "そのユーザーはいません。だれになるかを選んでください。"],
  ["There is a {name} already; choose another name.", "{name} gibt es schon; wähle einen anderen Namen.", "{name} existe déjà ; choisissez un autre nom.", "{name} ya existe; elige otro nombre.", "{name} はすでにいます。別の名前を選んでください。"],
  ["There are {count} people already, and that is enough.", "Es gibt schon {count} Personen, und das genügt.", "Il y a déjà {count} personnes, et cela suffit.", "Ya hay {count} personas, y son suficientes.", "すでに {count} 人います。これ以上は追加できません。"],
  ["Those direct messages are somebody else's.", "Diese Direktnachrichten gehören jemand anderem.", "Ces messages privés sont à quelqu’un d’autre.", "Esos mensajes directos son de otra persona.", "それはほかの人のダイレクトメッセージです。"],
  ["An empty message isn't sent; type something or attach a file.", "Eine leere Nachricht wird nicht gesendet; schreib etwas oder hänge eine Datei an.", "Un message vide n’est pas envoyé ; écrivez quelque chose ou joignez un fichier.", "Un mensaje vacío no se envía; escribe algo o adjunta un archivo.", "空のメッセージは送信できません。何か入力するか、ファイルを添付してください。"],
  ["A message takes {most} files, not {count}.", "Eine Nachricht nimmt {most} Dateien, nicht {count}.", "Un message accepte {most} fichiers, pas {count}.", "Un mensaje admite {most} archivos, no {count}.", "1 つのメッセージに付けられるファイルは {most} 個までです（{count} 個あります）。"],
  ["{count} characters are too many; {most} can be sent.", "{count} Zeichen sind zu viele; {most} können gesendet werden.", "{count} caractères, c’est trop ; on peut en envoyer {most}.", "{count} caracteres son demasiados; se pueden enviar {most}.", "{count} 文字は長すぎます。送信できるのは {most} 文字までです。"],
  ["Half of a character was sent; type it anew.", "Es kam nur ein halbes Zeichen an; gib es noch einmal ein.", "Un caractère est arrivé à moitié ; tapez-le à nouveau.", "Llegó un carácter a medias; escríbelo de nuevo.", "文字の一部しか届きませんでした。もう一度入力してください。"],
  ["That is too long to be completed.", "Das ist zu lang, um ergänzt zu werden.", "C’est trop long pour être complété.", "Es demasiado largo para completarlo.", "長すぎるため、候補を出せません。"],
  ["Whom or what was chosen is no longer there.", "Wer oder was gewählt wurde, ist nicht mehr da.", "Ce qui a été choisi n’est plus là.", "Lo que se eligió ya no está.", "選んだものはもうありません。"],
  ["Discord has no such language.", "Diese Sprache hat Discord nicht.", "Discord n’a pas cette langue.", "Discord no tiene ese idioma.", "Discord にその言語はありません。"],
  ["{name} can't see that message.", "{name} kann diese Nachricht nicht sehen.", "{name} ne voit pas ce message.", "{name} no puede ver ese mensaje.", "{name} にはそのメッセージが見えません。"],
  ["Only a message that nobody else sees can be dismissed.", "Verwerfen kannst du nur eine Nachricht, die sonst niemand sieht.", "On ne peut masquer qu’un message que personne d’autre ne voit.", "Solo se puede descartar un mensaje que nadie más ve.", "閉じられるのは、あなただけに表示されているメッセージです。"],
  ["{name} needs an age-restricted channel.", "{name} braucht einen Kanal mit Altersbeschränkung.", "{name} demande un salon soumis à une limite d’âge.", "{name} necesita un canal con restricción de edad.", "{name} は年齢制限のあるチャンネルでのみ使えます。"],
  ["{name} needs a permission that this person lacks.", "{name} braucht ein Recht, das diese Person nicht hat.", "{name} demande une permission que cette personne n’a pas.", "{name} necesita un permiso que esta persona no tiene.", "{name} に必要な権限がありません。"],
  ["{name} is not offered in this kind of channel.", "{name} gibt es in dieser Art von Kanal nicht.", "{name} n’est pas proposé dans ce type de salon.", "{name} no se ofrece en este tipo de canal.", "{name} はこの種類のチャンネルでは使えません。"],
  ["{name} is of an app that is installed neither here nor by this person.", "{name} gehört zu einer App, die weder hier noch bei dieser Person installiert ist.", "{name} vient d’une application qui n’est installée ni ici ni chez cette personne.", "{name} es de una aplicación que no está instalada ni aquí ni por esta persona.", "{name} のアプリは、ここにもこのユーザーにもインストールされていません。"],
  ["There is no command {name}; there are: {names}.", "Einen Befehl {name} gibt es nicht; es gibt: {names}.", "Il n’y a pas de commande {name} ; il y a : {names}.", "No hay ningún comando {name}; hay: {names}.", "{name} というコマンドはありません。使えるもの：{names}。"],
  ["/{name} wants a sub-command: {names}.", "/{name} braucht einen Unterbefehl: {names}.", "/{name} demande une sous-commande : {names}.", "/{name} necesita un subcomando: {names}.", "/{name} にはサブコマンドが必要です：{names}。"],
  ["The command has no option {name} any more.", "Der Befehl hat keine Option {name} mehr.", "La commande n’a plus d’option {name}.", "El comando ya no tiene la opción {name}.", "このコマンドに {name} というオプションはもうありません。"],
  ["There is no option {name}; there are: {names}.", "Eine Option {name} gibt es nicht; es gibt: {names}.", "Il n’y a pas d’option {name} ; il y a : {names}.", "No hay ninguna opción {name}; hay: {names}.", "{name} というオプションはありません。使えるもの：{names}。"],
  ["The option {name} is required.", "Die Option {name} ist erforderlich.", "L’option {name} est obligatoire.", "La opción {name} es obligatoria.", "オプション {name} は必須です。"],
  ["The option {name} does not complete itself.", "Zur Option {name} gibt es keine Vorschläge.", "L’option {name} n’a pas de suggestions.", "La opción {name} no tiene sugerencias.", "オプション {name} に候補はありません。"],
  ["There is no button {name}; there are: {names}.", "Eine Schaltfläche {name} gibt es nicht; es gibt: {names}.", "Il n’y a pas de bouton {name} ; il y a : {names}.", "No hay ningún botón {name}; hay: {names}.", "{name} というボタンはありません。使えるもの：{names}。"],
  ["The button {name} can't be pressed.", "Die Schaltfläche {name} lässt sich nicht drücken.", "On ne peut pas appuyer sur le bouton {name}.", "El botón {name} no se puede pulsar.", "ボタン {name} は押せません。"],
  ["There is no menu {name}; there are: {names}.", "Ein Menü {name} gibt es nicht; es gibt: {names}.", "Il n’y a pas de menu {name} ; il y a : {names}.", "No hay ningún menú {name}; hay: {names}.", "{name} というメニューはありません。使えるもの：{names}。"],
  ["There is no field {name}; there are: {names}.", "Ein Feld {name} gibt es nicht; es gibt: {names}.", "Il n’y a pas de champ {name} ; il y a : {names}.", "No hay ningún campo {name}; hay: {names}.", "{name} という項目はありません。使えるもの：{names}。"],
  ["{name} does not take {value}.", "{name} nimmt {value} nicht an.", "{name} n’accepte pas {value}.", "{name} no admite {value}.", "{name} に {value} は使えません。"],
  ["{name} can't be {value}.", "{name} kann nicht {value} sein.", "{name} ne peut pas être {value}.", "{name} no puede ser {value}.", "{name} に {value} は指定できません。"],
  ["{name} can't be {value}; there are: {names}.", "{name} kann nicht {value} sein; es gibt: {names}.", "{name} ne peut pas être {value} ; il y a : {names}.", "{name} no puede ser {value}; hay: {names}.", "{name} に {value} は指定できません。使えるもの：{names}。"],
  ["{name} takes a file.", "{name} nimmt eine Datei.", "{name} demande un fichier.", "{name} necesita un archivo.", "{name} にはファイルを指定してください。"],
  ["{name} is too large to be uploaded.", "{name} ist zu groß, um hochgeladen zu werden.", "{name} est trop volumineux pour être envoyé.", "{name} es demasiado grande para subirlo.", "{name} は大きすぎてアップロードできません。"],
  ["{name} takes a text, not {value}.", "{name} nimmt einen Text, nicht {value}.", "{name} demande un texte, pas {value}.", "{name} necesita un texto, no {value}.", "{name} には文字を入力してください（{value} は使えません）。"],
  ["{name} takes {least} to {most} characters, not {count}.", "{name} nimmt {least} bis {most} Zeichen, nicht {count}.", "{name} demande de {least} à {most} caractères, pas {count}.", "{name} necesita de {least} a {most} caracteres, no {count}.", "{name} は {least}〜{most} 文字で入力してください（いま {count} 文字です）。"],
  ["{name} takes a number, not {value}.", "{name} nimmt eine Zahl, nicht {value}.", "{name} demande un nombre, pas {value}.", "{name} necesita un número, no {value}.", "{name} には数値を入力してください（{value} は使えません）。"],
  ["{name} takes {least} to {most}, not {value}.", "{name} nimmt {least} bis {most}, nicht {value}.", "{name} va de {least} à {most}, pas {value}.", "{name} va de {least} a {most}, no {value}.", "{name} は {least}〜{most} で指定してください（{value} は使えません）。"],
  ["{name} takes true or false, not {value}.", "{name} ist wahr oder falsch, nicht {value}.", "{name} est vrai ou faux, pas {value}.", "{name} es verdadero o falso, no {value}.", "{name} は「はい」か「いいえ」で指定してください（{value} は使えません）。"],
  ["{name} was not answered with a modal.", "Auf {name} kam kein Formular.", "{name} n’a pas ouvert de formulaire.", "{name} no abrió ningún formulario.", "{name} への応答はフォームではありませんでした。"],
  ["{name} was not answered with choices.", "Auf {name} kamen keine Vorschläge.", "{name} n’a pas donné de suggestions.", "{name} no dio sugerencias.", "{name} への応答に候補がありませんでした。"],
  // trouble on purpose: the orders, and what is wrong with one
  ["Discord fails at the next three edits", "Discord scheitert an den nächsten drei Änderungen", "Discord échoue aux trois prochaines modifications", "Discord falla en las tres próximas ediciones", "次の 3 回の編集で Discord が失敗する"],
  ["one request in ten must wait for 2 s", "eine von zehn Anfragen muss 2 s warten", "une requête sur dix doit attendre 2 s", "una de cada diez peticiones debe esperar 2 s", "10 回に 1 回のリクエストが 2 秒待たされる"],
  ["the bot's first answers take 2.5 s more", "die ersten Antworten des Bots dauern 2,5 s länger", "les premières réponses du bot prennent 2,5 s de plus", "las primeras respuestas del bot tardan 2,5 s más", "ボットの最初の応答が 2.5 秒遅れる"],
  ["the connection breaks while a file is sent", "beim Senden einer Datei bricht die Verbindung ab", "la connexion est coupée pendant l’envoi d’un fichier", "la conexión se corta al enviar un archivo", "ファイルの送信中に接続が切れる"],
  ["the bot's connection breaks, and it goes on", "die Verbindung des Bots bricht ab, und er macht weiter", "la connexion du bot est coupée, et il continue", "la conexión del bot se corta, y continúa", "ボットの接続が切れ、続きから再開する"],
  ["the bot's connection breaks, and it begins anew", "die Verbindung des Bots bricht ab, und er fängt neu an", "la connexion du bot est coupée, et il recommence", "la conexión del bot se corta, y empieza de nuevo", "ボットの接続が切れ、最初からやり直す"],
  ["16 minutes pass: what was pressed can't be answered any more", "16 Minuten vergehen: Was gedrückt wurde, kann nicht mehr beantwortet werden", "16 minutes passent : on ne peut plus répondre à ce qui a été pressé", "pasan 16 minutos: ya no se puede responder a lo que se pulsó", "16 分が過ぎ、押された操作に応答できなくなる"],
  ["an end to all that", "Schluss mit alldem", "fin de tout cela", "fin de todo eso", "すべて終わりにする"],
  ["There is no such order: {line}", "Diesen Befehl gibt es nicht: {line}", "Cette commande n’existe pas : {line}", "No existe esa orden: {line}", "その命令はありません：{line}"],
  ["That order can't be read: {line}", "Dieser Befehl ist nicht lesbar: {line}", "Cette commande est illisible : {line}", "No se entiende esa orden: {line}", "命令を読み取れません：{line}"],
  ["The order {kind} takes no {name}.", "Der Befehl {kind} kennt kein {name}.", "La commande {kind} n’accepte pas {name}.", "La orden {kind} no admite {name}.", "命令 {kind} に {name} は使えません。"],
  ["There is no channel {name}.", "Einen Kanal {name} gibt es nicht.", "Il n’y a pas de salon {name}.", "No hay ningún canal {name}.", "{name} というチャンネルはありません。"],
  ["A direct message's channel stays as it is.", "Der Kanal einer Direktnachricht bleibt, wie er ist.", "Le salon d’un message privé reste tel quel.", "El canal de un mensaje directo se queda como está.", "ダイレクトメッセージのチャンネルは変更できません。"],
];

const rows = new Map(SENTENCES.map((row) => [row[0], row]));
let column = 0;

/** Say everything from now on in the language of a locale, in English where there is none. */
export function speak(locale) {
  column = Math.max(0, LANGUAGES.indexOf(locale.split("-")[0]));
  document.documentElement.lang = LANGUAGES[column];
}

/** Return a sentence in the person's language; one that isn't the page's own stays as it is. */
export function say(sentence, values = {}) {
  return said(sentence, values).join("");
}

/** Return a sentence as strings and, where `values` has elements, those in their places. */
export function said(sentence, values = {}) {
  const template = rows.get(sentence)?.[column] ?? sentence;
  const parts = template.split(/\{(\w+)\}/); // every other one is a name
  return parts.map((part, index) => (index % 2 ? (Object.hasOwn(values, part) ? values[part] : `{${part}}`) : part));
}
