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
