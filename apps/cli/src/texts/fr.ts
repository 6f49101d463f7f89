/** Le guide en français. */
import type { TextKey } from '../texts.ts'

export const fr: Readonly<Record<TextKey, string>> = {
  title: 'Relais : obtenir les jetons de WhatsApp',
  intro:
    'Cinq valeurs sont à copier dans la console de Meta ; chacune est vérifiée dès que vous la collez. Rien n’est écrit avant votre ' +
    'accord, à la fin. Ctrl-C arrête à tout moment. Les menus de Meta changent parfois de place : cherchez alors le nom indiqué.',
  target: 'Les valeurs iront dans {file}, lisible par son seul propriétaire.',
  askedAt: 'Meta est interrogé à l’adresse {url}.',
  keepValue: '[Entrée garde {value}]',
  keepSecret: '[Entrée garde celui dont l’empreinte est {fingerprint}]',
  hidden: '(rien ne s’affiche pendant que vous collez)',
  empty: 'Rien n’a été donné. Collez la valeur, puis appuyez sur Entrée.',
  notAnId:
    'Ce n’est pas un identifiant : il ne contient que des chiffres. Copiez-le de nouveau, avec le bouton de copie s’il existe.',
  notTheNumber:
    'Ceci ressemble à un numéro de téléphone. Il faut l’identifiant affiché à côté, en chiffres seulement.',
  sameId:
    'C’est l’identifiant que vous venez de donner pour autre chose : chez Meta, les deux sont différents.',
  notASecret:
    'Ce n’est pas possible : il y a des espaces ou des signes que Meta n’emploie pas, ou c’est trop court. Copiez de nouveau.',
  tokenForSecret: 'Ceci ressemble à un jeton d’accès. Il faut ici la clé secrète de l’application.',
  secretForToken:
    'Ceci est une clé secrète ou un jeton d’application, pas un jeton d’accès. Un jeton d’accès commence souvent par EAA.',
  metaSilent: 'Meta ne répond pas pour le moment : {detail}',
  tryAgain: 'Réessayer ? [O/n]',
  yes: 'o oui y yes',
  no: 'n non no',

  appHeading: '1 sur 5  L’application',
  appWhere:
    'Ouvrez https://developers.facebook.com/apps, connectez-vous, choisissez votre application (ou créez-en une de type Business et ' +
    'ajoutez-y WhatsApp). Puis : Paramètres de l’app > Général (App settings > Basic). Copiez « ID de l’app » (App ID).',
  appAsk: 'ID de l’app',
  secretHeading: '2 sur 5  La clé secrète de l’application',
  secretWhere:
    'Sur la même page, appuyez sur « Afficher » à côté de « Clé secrète » (App secret), donnez votre mot de passe Facebook, copiez la clé.',
  secretAsk: 'Clé secrète',
  appConfirmed: 'Meta confirme : l’ID et la clé secrète vont ensemble (empreinte de la clé {fingerprint}).',
  appRefused: 'Meta n’accepte pas cette paire : {error}. Donnez les deux de nouveau.',

  numberHeading: '3 sur 5  Le numéro de téléphone',
  numberWhere:
    'Dans votre application, choisissez WhatsApp > Configuration de l’API (API Setup). Sous « De » (From), choisissez le numéro qui ' +
    'envoie les codes. Copiez l’« ID du numéro de téléphone » (Phone number ID) affiché dessous.',
  numberAsk: 'ID du numéro de téléphone',
  businessHeading: '4 sur 5  Le compte WhatsApp Business',
  businessWhere:
    'Sur la même page, à côté : copiez l’« ID du compte WhatsApp Business » (WhatsApp Business Account ID).',
  businessAsk: 'ID du compte WhatsApp Business',

  tokenHeading: '5 sur 5  Le jeton d’accès',
  tokenWhere:
    'Recommandé : le jeton d’un utilisateur système, d’une durée de 60 jours. Ouvrez https://business.facebook.com/settings > ' +
    'Utilisateurs > Utilisateurs système. Choisissez l’utilisateur système (ou ajoutez-en un, rôle Admin), attribuez-lui l’application ' +
    'et le compte WhatsApp avec un contrôle total, puis « Générer un token » : cette application, expiration 60 jours, autorisations ' +
    'whatsapp_business_messaging et whatsapp_business_management. Copiez-le aussitôt : Meta ne l’affiche que cette fois.',
  tokenAsk: 'Jeton d’accès',
  tokenDead: 'Meta déclare ce jeton invalide : {error}. Donnez-en un autre.',
  tokenForeign:
    'Ce jeton appartient à l’application {other}, pas à {app}. Générez-en un pour cette application.',
  tokenNoSending:
    'Il manque à ce jeton whatsapp_business_messaging : il ne peut rien envoyer. Générez-en un avec cette autorisation cochée.',
  tokenNoReading:
    'Il manque à ce jeton whatsapp_business_management : il peut envoyer, mais ni le numéro ni les modèles ne peuvent être vérifiés.',
  tokenOfPerson:
    'C’est le jeton d’une personne, pas d’un utilisateur système : Meta peut refuser les envois (131005), et il finit avec cette personne.',
  useAnyway: 'L’employer quand même ? [o/N]',
  tokenGood: 'Meta confirme : le jeton est valide (empreinte {fingerprint}), {life}.',
  lifeEndless: 'il n’expire jamais',
  lifeUnknown: 'la fin de sa vie n’est pas indiquée',
  lifeUntil: 'il finit le {end}',
  exchangeOffer: 'Il finit bientôt ({end}). L’échanger maintenant contre un jeton de longue durée ? [O/n]',
  exchanged: 'Échangé : un nouveau jeton (empreinte {fingerprint}), {life}. L’ancien ne sert plus.',
  exchangeRefused: 'Meta ne l’a pas échangé : {error}.',
  keepShort: 'Continuer avec celui qui finit bientôt ? [o/N]',

  numberRead: 'Le jeton peut lire le numéro : {number} « {name} », qualité {quality}.',
  numberRefused:
    'Le jeton ne peut pas lire ce numéro : {error}. Soit l’ID est faux, soit le compte WhatsApp n’est pas attribué à l’utilisateur ' +
    'système (attribuez-le, puis générez un nouveau jeton). Donnez les deux de nouveau.',
  businessRefused: 'Le compte ne peut pas être lu : {error}. Donnez son ID de nouveau.',
  templateGood: 'Le modèle « {template} » est approuvé en « {language} ».',
  templateMissing:
    'Il n’y a pas encore de modèle « {template} » en « {language} » : les codes seraient refusés. Créez-le dans le Gestionnaire ' +
    'WhatsApp (authentification), ou changez WHATSAPP_OTP_TEMPLATE et WHATSAPP_TEMPLATE_LANGUAGE. Ce qui existe sous ce nom : {languages}.',
  templateUnfit:
    'Le modèle « {template} » en « {language} » est {status}, catégorie {category} : il doit être APPROVED et AUTHENTICATION.',
  nothingThere: 'rien',

  summaryHeading: 'Récapitulatif',
  fingerprintOf: 'empreinte {fingerprint}',
  writeAsk: 'Écrire ces valeurs dans {file} ? [o/N]',
  written: 'Écrit dans {file}, mode 0600.',
  stillMissing: 'Il y manque encore, voir .env.example : {names}. (npm start apporte les siens.)',
  next: 'Ensuite : redémarrez l’API et les workers, puis lancez npx relais doctor. Un système déjà en marche prend le jeton aussitôt par npx relais tokens update. Pour les accusés de réception, voir docs/WHATSAPP_SETUP_GUIDE.fr.md, partie 5.',
  notWritten: 'Rien n’a été écrit.',
  ended: 'Les réponses se sont arrêtées avant les questions. Rien n’a été écrit.',
  'refusal.symlink':
    '{file} est un lien symbolique : aucun secret n’est écrit à travers un lien. Indiquez le fichier lui-même avec --file.',
  'refusal.not-a-file': '{file} n’est pas un fichier. Indiquez-en un autre avec --file.',
  'refusal.odd-form':
    '{file} a des valeurs sur plusieurs lignes ou une forme qui ne peut pas être modifiée sans risque. Mettez-le en ordre, ou indiquez-en un autre avec --file.',
  'refusal.unwritable':
    '{file} ne peut pas être lu ou écrit : vérifiez son dossier, son propriétaire et les droits.',
}
