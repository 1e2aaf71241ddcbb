BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE attachments (
	job_id VARCHAR(32) NOT NULL, 
	blob VARCHAR(80) NOT NULL, 
	filename TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	PRIMARY KEY (job_id, blob), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "attachments" VALUES('843a3be9189146ec933b7cd075ed039e','aaf0845a08c3066c419c1485b2c5706470115a87ae1a7d72861fca83c6b3b580.gif','motion.gif',1544);
INSERT INTO "attachments" VALUES('ab087734cb59474b92c2f25d040c9ba7','7c43c635df6a7a893fb31cc06255b1e0db62bedf494b2fa3dd8e4e9c7e31641a.gif','dance.gif',792);
INSERT INTO "attachments" VALUES('71f4e5b081dd4936a5a3b9cbe2768b33','de0de814d1c16adab3a1d79c8cd4bb082b09a21a5e5c34a71d1e6d60fedb1de9.safetensors','Dragon Scales',21868);
INSERT INTO "attachments" VALUES('2da0d49197784915bbdb992ef629b341','5b16b794845430a51dc383963e46cb1611843144b07524edef85e428b9c7ca0c.safetensors','ink',21853);
CREATE TABLE brought (
	number INTEGER NOT NULL, 
	user_id BIGINT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	amount BIGINT NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "brought" VALUES(1,1575830866448351237,'files',792,'2026-11-27T11:09:19.763872+00:00');
INSERT INTO "brought" VALUES(2,1575830866448351236,'loras',21868,'2026-11-27T11:09:22.324479+00:00');
INSERT INTO "brought" VALUES(3,1575830866448351236,'loras',21853,'2026-11-27T11:09:22.366803+00:00');
INSERT INTO "brought" VALUES(4,1575830866448351237,'loras',21853,'2026-11-27T11:09:22.400176+00:00');
INSERT INTO "brought" VALUES(5,1575830866448351236,'files',1494,'2026-11-27T11:09:22.601891+00:00');
INSERT INTO "brought" VALUES(6,1575830866448351236,'drafts',1,'2026-11-27T11:09:22.823087+00:00');
CREATE TABLE costs (
	model TEXT NOT NULL, 
	device VARCHAR(32) NOT NULL, 
	sums JSON NOT NULL, 
	PRIMARY KEY (model, device)
);
INSERT INTO "costs" VALUES('hotshotco/Hotshot-XL','cpu','{"jobs": [[[125.829, 0.0, 2.09715, 1.0], [0, 0, 0], 0.028709, 0.0279935], [[125.829, 0.0, 2.09715, 1.0], [0, 0, 0], 0.0127202, 0.00915354], [[188.744, 0.0, 3.14573, 1.0], [0, 0, 0], 0.0222419, 0.0191265], [[176.161, 125.829, 2.09715, 1.0], [0, 1, 0], 0.0279386, 0.0279386], [[62.9146, 0.0, 1.04858, 1.0], [0, 0, 0], 0.01854, 0.01854], [[125.829, 0.0, 2.09715, 1.0], [0, 0, 0], 0.0159298, 0.0159081], [[125.829, 0.0, 2.09715, 1.0], [0, 0, 0], 0.0877861, 0.0877495], [[176.161, 125.829, 2.09715, 1.0], [0, 1, 0], 0.031121, 0.0223958], [[125.829, 0.0, 2.09715, 1.0], [1, 0, 0], 0.023819, 0.0219019], [[125.829, 0.0, 2.09715, 1.0], [1, 0, 0], 0.0314339, 0.0314339]]}');
INSERT INTO "costs" VALUES('hotshotco/Hotshot-XL','loading:cpu','{"seconds": 0.22786646400027166}');
CREATE TABLE drafts (
	id VARCHAR(32) NOT NULL, 
	user_id BIGINT NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	blob VARCHAR(80) NOT NULL, 
	content JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "drafts" VALUES('5d3820673f10f7f03eac35dfcd4959f2',1575830866448351236,'2026-11-27T11:09:22.825366+00:00','c8e2f2f30ce8443b1f6f1ad04c121ca59ad28abcb7e03323dbe322a2bdd4a39d.gif','{"request": {"version": 2, "prompt": "a cat that follows, film noir", "seed": 1569475289, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}, "source": {"blob": "c8e2f2f30ce8443b1f6f1ad04c121ca59ad28abcb7e03323dbe322a2bdd4a39d.gif", "filename": "dance.gif", "size_bytes": 1494}, "files": [], "part": "0-100", "type": "canny", "strength": "1", "suffix": ".webp", "private": false, "count": 1, "asks_prompt": false, "parent_id": null, "relation": "", "style": "noir", "token": "JGO4xV4AxDhgwUvYHmkJ5bbMlqptGaeMayoKiGQ6mRveOqD1YYrrarPJIPyKdQAQfgSEPB4hG7ORKUIaFCWYKR5Dwe-sVc43y5swIEhegjeNjVwrjtAtsFqqUaHDHgjY"}');
CREATE TABLE edits (
	id VARCHAR(32) NOT NULL, 
	job_id VARCHAR(32) NOT NULL, 
	steps JSON NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "edits" VALUES('86bf4b6c9739c77c1789b442d0b34a24','4816f0f9045648258644ffaa3cd88d03','[["loop", ""]]','2026-11-27T11:09:21.124340+00:00');
CREATE TABLE favourites (
	user_id BIGINT NOT NULL, 
	job_id VARCHAR(32) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (user_id, job_id)
);
INSERT INTO "favourites" VALUES(1575830866448351237,'4816f0f9045648258644ffaa3cd88d03','2026-11-27T11:09:20.275509+00:00');
INSERT INTO "favourites" VALUES(1575830866448351236,'f3dc8a9838034d5995f8b5bf260b14e5','2026-11-27T11:09:20.288012+00:00');
CREATE TABLE "jobs" (
	number INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempt INTEGER NOT NULL, 
	crashes INTEGER NOT NULL, 
	application_id BIGINT NOT NULL, 
	token TEXT NOT NULL, 
	asked_at VARCHAR(32) NOT NULL, 
	user_id BIGINT NOT NULL, 
	user_name TEXT NOT NULL, 
	channel_id BIGINT NOT NULL, 
	guild_id BIGINT, 
	upload_limit BIGINT NOT NULL, 
	request JSON NOT NULL, 
	model TEXT NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	answer_id BIGINT, 
	started_at VARCHAR(32), 
	finished_at VARCHAR(32), 
	seconds FLOAT, 
	output TEXT, 
	size_bytes BIGINT, 
	error TEXT, 
	message_id BIGINT, 
	message_channel_id BIGINT, 
	told BOOLEAN NOT NULL, 
	suffix VARCHAR(8) DEFAULT '.gif' NOT NULL, 
	private BOOLEAN DEFAULT 0 NOT NULL, 
	is_followup BOOLEAN DEFAULT 0 NOT NULL, 
	parent_id VARCHAR(32), 
	relation VARCHAR(16) DEFAULT '' NOT NULL, words TEXT DEFAULT '' NOT NULL, locale VARCHAR(8) DEFAULT '' NOT NULL, reason JSON, style TEXT DEFAULT '' NOT NULL, ping BOOLEAN DEFAULT 0 NOT NULL, with_recipe BOOLEAN DEFAULT 1 NOT NULL, lora_names JSON, 
	PRIMARY KEY (number), 
	UNIQUE (id)
);
INSERT INTO "jobs" VALUES(1,'4816f0f9045648258644ffaa3cd88d03','done',1,0,1575830866385436672,'','2026-11-27T11:09:18.763000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 5, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:18.857677+00:00',1575830878129487903,'2026-11-27T11:09:19.019399+00:00','2026-11-27T11:09:19.095405+00:00',2.87089890002789616119e-02,'aaf0845a08c3066c419c1485b2c5706470115a87ae1a7d72861fca83c6b3b580.gif',1544,NULL,1575830878129487903,1575830866385436675,1,'.gif',0,0,NULL,'','red fox, überall','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(2,'f3dc8a9838034d5995f8b5bf260b14e5','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.095000+00:00',1575830866448351237,'bob',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 2425685982, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.102945+00:00',1575830879123537954,'2026-11-27T11:09:19.106114+00:00','2026-11-27T11:09:19.145414+00:00',1.2720161999823176302e-02,'67f79b398261ee0aa9bdac3a3eb81f446ed03e4d8be0399b38227dccb61a5a5b.gif',1553,NULL,1575830879123537954,1575830866385436675,1,'.gif',0,0,'4816f0f9045648258644ffaa3cd88d03','again','red fox, überall','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(3,'c52d4aa777944666b9d5f39172ce6c0a','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.146000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 5, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 12, "video_duration": 1500, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.149646+00:00',1575830879341641765,'2026-11-27T11:09:19.157825+00:00','2026-11-27T11:09:19.231171+00:00',2.22418949997518211603e-02,'22f5ba6e72cabc18f293dbe1c77b8825767cad472638f184c8f0d1da8f47e505.gif',1897,NULL,1575830879341641765,1575830866385436675,1,'.gif',0,0,'4816f0f9045648258644ffaa3cd88d03','longer','red fox, überall','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(4,'843a3be9189146ec933b7cd075ed039e','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.231000+00:00',1575830866448351237,'bob',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 2633293384, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [{"kind": "canny", "scale": 0.8, "start": 0.0, "end": 1.0, "annotator": "auto"}], "control_source": "aaf0845a08c3066c419c1485b2c5706470115a87ae1a7d72861fca83c6b3b580.gif", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.240840+00:00',1575830879702351912,'2026-11-27T11:09:19.244054+00:00','2026-11-27T11:09:19.343179+00:00',2.7938621999965107534e-02,'88be01ed3a694df0874ab6a841fa453ba28ad1478ecbcf625a68f85617ac45de.gif',1731,NULL,1575830879702351912,1575830866385436675,1,'.gif',0,0,'4816f0f9045648258644ffaa3cd88d03','vary','red fox, überall','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(5,'b2f0acebf9de492ca2e93ef9732b3c62','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.419000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "a dog", "seed": 2372074124, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 4, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.443282+00:00',1575830880574767148,'2026-11-27T11:09:19.451968+00:00','2026-11-27T11:09:19.517698+00:00',1.85399590000088210217e-02,'83295971006e0c82c67aa7ec6182cf551a9dfcdfa6118555ed54aebc03189282.gif',1189,NULL,1575830880574767148,1575830866385436675,1,'.gif',0,0,'4816f0f9045648258644ffaa3cd88d03','edit','a dog','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(6,'d83a44fc35914f74862e85e8c7ca0cfb','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.517000+00:00',1575830866448351236,'ada',1575830880851591214,NULL,10485760,'{"version": 2, "prompt": "a secret fish", "seed": 4212220778, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.519362+00:00',1575830880927088688,'2026-11-27T11:09:19.536487+00:00','2026-11-27T11:09:19.597119+00:00',1.59297690001949376892e-02,'4b1ea24d6589bd11ffb58f4a028b3ac3f45802168125a62f21ed986707e96961.gif',1547,NULL,1575830880927088688,1575830880851591214,1,'.gif',1,0,NULL,'','a secret fish','en-US',NULL,'',0,0,'[]');
INSERT INTO "jobs" VALUES(7,'ed14c61deb8646969dfccdea9b9dfe0e','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.597000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "100% cat_walk, film noir", "seed": 2778600711, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:19.599002+00:00',1575830881262633011,'2026-11-27T11:09:19.616194+00:00','2026-11-27T11:09:19.747337+00:00',8.7786112000230787089e-02,'4d1601a668fd532e4e172313b93a09e50018aae72a06f27748a2e9ad07d99626.webp',1954,NULL,1575830881262633011,1575830866385436675,1,'.webp',0,0,NULL,'','100% cat_walk, film noir','en-US',NULL,'noir',0,1,'[]');
INSERT INTO "jobs" VALUES(8,'ab087734cb59474b92c2f25d040c9ba7','done',1,0,1575830866385436672,'','2026-11-27T11:09:19.753000+00:00',1575830866448351237,'bob',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "a horse", "seed": 308283458, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [{"kind": "canny", "scale": 0.7, "start": 0.0, "end": 1.0, "annotator": "auto"}], "control_source": "7c43c635df6a7a893fb31cc06255b1e0db62bedf494b2fa3dd8e4e9c7e31641a.gif", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:20.147510+00:00',1575830881866612791,'2026-11-27T11:09:20.159651+00:00','2026-11-27T11:09:20.244639+00:00',3.11209629999211756512e-02,'b61fe82b6bbf7d95eed02faa31be9a02bb7f18eab121d4a1b8a7d4c4b3eaf78e.gif',1718,NULL,1575830881866612791,1575830866385436675,1,'.gif',0,0,NULL,'','a horse','en-US',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(9,'71f4e5b081dd4936a5a3b9cbe2768b33','done',1,0,1575830866385436672,'','2026-11-27T11:09:22.436000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "a cat, in dragon style", "seed": 2528626362, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [{"path": "de0de814d1c16adab3a1d79c8cd4bb082b09a21a5e5c34a71d1e6d60fedb1de9.safetensors", "strength": 0.6}], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:22.439085+00:00',1575830893124124752,'2026-11-27T11:09:22.444295+00:00','2026-11-27T11:09:22.498222+00:00',2.38190260001829301472e-02,'3a58369ba9f6dbfabab777e282b0474b65878799d6644736ac6170b05de72c66.gif',1693,NULL,1575830893124124752,1575830866385436675,1,'.gif',0,0,NULL,'','a cat, in dragon style','en-US',NULL,'',0,1,'["Dragon Scales"]');
INSERT INTO "jobs" VALUES(10,'2da0d49197784915bbdb992ef629b341','done',1,0,1575830866385436672,'','2026-11-27T11:09:22.497000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "ink", "seed": 3936696938, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [{"path": "5b16b794845430a51dc383963e46cb1611843144b07524edef85e428b9c7ca0c.safetensors", "strength": 0.6}], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:22.507814+00:00',1575830893405143123,'2026-11-27T11:09:22.510642+00:00','2026-11-27T11:09:22.575397+00:00',3.14339469996411935426e-02,'5603e426cb4bb895ef3cf9a4e24ad88c0f596292495c303241b6d38dc18af5c8.gif',1674,NULL,1575830893405143123,1575830866385436675,1,'.gif',0,0,'bd348d1686c3456f85fd4c2bd710534b','try','ink','en-US',NULL,'',0,1,'["ink"]');
INSERT INTO "jobs" VALUES(11,'8d0447b9e19c44e295dc7e8fe06b48de','failed',1,0,1575830866385436672,'','2026-11-27T11:09:23.346000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "refuse this, film noir", "seed": 4227732010, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.351912+00:00',1575830896945135712,'2026-11-27T11:09:23.355489+00:00','2026-11-27T11:09:23.362781+00:00',NULL,NULL,NULL,'A GIF of 768 x 320 can''t be drawn.',NULL,NULL,1,'.webp',0,0,NULL,'','refuse this, film noir','en-US','{"template": "A GIF of {width} x {height} can''t be drawn.", "values": {"width": 768, "height": 320}}','noir',1,1,'[]');
INSERT INTO "jobs" VALUES(12,'9ec39508eb44420eb5c98addd699aa33','failed',2,2,1575830866385436672,'','2026-11-27T11:09:23.367000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "crash please, film noir", "seed": 3014692807, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.368419+00:00',1575830897033216098,'2026-11-27T11:09:23.543564+00:00','2026-11-27T11:09:23.551403+00:00',NULL,NULL,NULL,'The generator crashed twice while making this GIF (exit code 9), so the bot gave up; try fewer frames or a smaller size.',NULL,NULL,1,'.webp',0,0,NULL,'','crash please, film noir','en-US','{"template": "The generator crashed twice while making this GIF ({reason}), so the bot gave up; try fewer frames or a smaller size.", "values": {"reason": {"template": "exit code {code}", "values": {"code": 9}}}}','noir',1,1,'[]');
INSERT INTO "jobs" VALUES(13,'1413d39ee14e4d3a90a3eaf4d29fea92','cancelled',0,0,1575830866385436672,'','2026-11-27T11:09:23.556000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait to be cancelled, film noir", "seed": 769050349, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.558050+00:00',1575830897834328164,NULL,'2026-11-27T11:09:23.636878+00:00',NULL,NULL,NULL,NULL,NULL,NULL,1,'.webp',0,0,NULL,'','wait to be cancelled, film noir','en-US',NULL,'noir',1,1,'[]');
INSERT INTO "jobs" VALUES(14,'73f5cb88542e4b7993caab4976b6c12f','delivering',1,0,1575830866385436672,'uebD7t9ci6ZM1pxxVc4SAdZbvEDSypmytx67qYL6dKKVAsDE-FJ_k3sWlmzF-TR5LKp_PiEW6qdPnlhYXvFU6vijotur83UTX5dR2l-Squ6U5OtfXZnJQIodD2sE4NGb','2026-11-27T11:09:23.659000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait 0, film noir", "seed": 3922248787, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.660571+00:00',1575830898236981351,'2026-11-27T11:09:26.995901+00:00',NULL,4.5,'aaf0845a08c3066c419c1485b2c5706470115a87ae1a7d72861fca83c6b3b580.gif',1234,NULL,NULL,NULL,0,'.webp',0,0,NULL,'','wait 0, film noir','en-US',NULL,'noir',1,1,'[]');
INSERT INTO "jobs" VALUES(15,'00ff0584e7e24014a7d675923be25ee7','running',1,0,1575830866385436672,'s7jyAi25y8yDRY-JHDi1gCgRixwHwVryZlSKsgdw3EwZl1P2MylnVsd7yDKhpvVgjvRMbT4FkCi-HDQti57HhXidy-DAWo0X5XAJ5a5GWo5EpzNCUK2zIZc1314vqopk','2026-11-27T11:09:23.662000+00:00',1575830866448351237,'bob',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait 1, film noir", "seed": 2602830396, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.663640+00:00',1575830898249564265,'2026-11-27T11:09:24.783213+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'.gif',1,0,NULL,'','wait 1, film noir','en-US',NULL,'noir',0,0,'[]');
INSERT INTO "jobs" VALUES(16,'a493722827634643bdc42ec033592ce6','failed',0,0,1575830866385436672,'CXhMxAQ4H9sha36xpV_tDdJ8A04TYAQLQCwkR8KZvu1NAc60shsMUMthV_T9DnMLcqvrOdp-thqgLeynnChAfBps8JTT7q8i1Ybx2Y22jqVTqAQmbB5A1cuAQL95SKU1','2026-11-27T11:09:23.665000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait 2, film noir", "seed": 3747677038, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.666044+00:00',1575830898257952875,NULL,'2026-11-27T11:09:27.015445+00:00',NULL,NULL,NULL,'The bot was stopped 3 times while making this GIF.',NULL,NULL,0,'.webp',0,0,NULL,'','wait 2, film noir','en-US','{"template": "The bot was stopped {count} times while making this GIF.", "values": {"count": 3}}','noir',1,1,'[]');
INSERT INTO "jobs" VALUES(17,'f1a5230e3e9f4fef993736f67296e8e4','queued',0,0,1575830866385436672,'sGicO5bhdbhPgrMUO5pRq6LMWnCYU8jSgCkBg6Lbg22iwytytEQ9RzBiICaQagX70MgS9CJS9qyfjaHyDSCU1AixNSNuaiTNUMDzJZb9dWaqQvJ67MMJBE2LCJetSYdD','2026-11-27T11:09:23.667000+00:00',1575830866448351237,'bob',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait 3, film noir", "seed": 302577500, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": null, "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.668212+00:00',1575830898266341485,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'.gif',1,0,NULL,'','wait 3, film noir','en-US',NULL,'noir',0,0,'[]');
INSERT INTO "jobs" VALUES(18,'ea2fa31a1bf845a394450418af1cd2af','queued',0,0,1575830866385436672,'9vFT-Evwq_sMfQdH8tfxUSO_Hdmz6BTkqNZkggRzFmvOS-6CdoUScj6bZiB3sRuAneq59OIzEMJsWKSd997tivt2F_YrD3NetLHAqquLAUdOwXSArwIF5sptQDIQUNfj','2026-11-27T11:09:23.669000+00:00',1575830866448351236,'ada',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "wait 4, film noir", "seed": 2415765447, "width": 768, "height": 320, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:23.670303+00:00',1575830898304090223,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'.webp',0,0,NULL,'','wait 4, film noir','en-US',NULL,'noir',1,1,'[]');
INSERT INTO "jobs" VALUES(19,'306199cc60c4ad1bc97c610e3251a1fd','queued',0,0,1575830866385436672,'','2026-11-27T11:09:18.763000+00:00',1575830866448351236,'Jürgen',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 5, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:27.023423+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'.gif',0,1,'4816f0f9045648258644ffaa3cd88d03','again','red fox, überall','de',NULL,'',0,1,'[]');
INSERT INTO "jobs" VALUES(20,'fbd5910d8a7e6668d3a7d26f9cc5155c','failed',1,0,1575830866385436672,'','2026-11-27T11:09:18.763000+00:00',1575830866448351236,'花子',1575830866385436675,1575830866385436674,10485760,'{"version": 2, "prompt": "Red Fox, \u00fcberall", "seed": 5, "width": 512, "height": 512, "steps": 30, "guidance_scale": 5.0, "negative_prompt": "text", "guidance_rescale": 0.0, "scheduler": "euler_a", "video_length": 8, "video_duration": 1000, "original_size": [1920, 1080], "target_size": [512, 512], "guidance_start": 0.0, "guidance_end": 1.0, "loras": [], "controls": [], "control_source": "", "image": "", "image_strength": 0.7}','hotshotco/Hotshot-XL','2026-11-27T11:09:27.034106+00:00',NULL,'2026-11-27T11:09:27.038665+00:00','2026-11-27T11:09:27.046307+00:00',NULL,NULL,NULL,'A sentence of an old version.',NULL,NULL,0,'.gif',0,1,'4816f0f9045648258644ffaa3cd88d03','again','red fox, überall','ja',NULL,'',0,1,'[]');
CREATE TABLE loras (
	id VARCHAR(32) NOT NULL, 
	owner_id BIGINT NOT NULL, 
	guild_id BIGINT, 
	shared VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	trigger_words TEXT NOT NULL, 
	strength FLOAT NOT NULL, 
	blob VARCHAR(80) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	facts JSON NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "loras" VALUES('0ba8abab8d1a4c3da4b7b496cf3d903f',1575830866448351236,NULL,'me','Dragon Scales','dragon scales','in dragon style',0.6,'de0de814d1c16adab3a1d79c8cd4bb082b09a21a5e5c34a71d1e6d60fedb1de9.safetensors',21868,'{"title": "0", "base_model": "SDXL", "format": "LoRA", "ranks": [4], "networks": ["unet"], "trigger_words": ["in dragon style"], "tags": [], "layers": 1, "left_aside": [], "has_magnitudes": false, "lacks_alpha": false, "size_bytes": 21868, "sha256": "de0de814d1c16adab3a1d79c8cd4bb082b09a21a5e5c34a71d1e6d60fedb1de9", "file_key": "0", "title_key": "0"}','2026-11-27T11:09:22.334865+00:00');
INSERT INTO "loras" VALUES('bd348d1686c3456f85fd4c2bd710534b',1575830866448351236,1575830866385436674,'server','ink','ink','',0.6,'5b16b794845430a51dc383963e46cb1611843144b07524edef85e428b9c7ca0c.safetensors',21853,'{"title": "1", "base_model": "SDXL", "format": "LoRA", "ranks": [4], "networks": ["unet"], "trigger_words": [], "tags": [], "layers": 1, "left_aside": [], "has_magnitudes": false, "lacks_alpha": false, "size_bytes": 21853, "sha256": "5b16b794845430a51dc383963e46cb1611843144b07524edef85e428b9c7ca0c", "file_key": "1", "title_key": "1"}','2026-11-27T11:09:22.378859+00:00');
INSERT INTO "loras" VALUES('d9382a724fd0441480278289103baf02',1575830866448351237,NULL,'everybody','Öl','öl','',0.6,'001478f686a1456f46028fbed603e44121fa1815ed78a9849411393f8a941574.safetensors',21853,'{"title": "2", "base_model": "SDXL", "format": "LoRA", "ranks": [4], "networks": ["unet"], "trigger_words": [], "tags": [], "layers": 1, "left_aside": [], "has_magnitudes": false, "lacks_alpha": false, "size_bytes": 21853, "sha256": "001478f686a1456f46028fbed603e44121fa1815ed78a9849411393f8a941574", "file_key": "2", "title_key": "2"}','2026-11-27T11:09:22.413606+00:00');
CREATE TABLE preferences (
	kind VARCHAR(8) NOT NULL, 
	owner_id BIGINT NOT NULL, 
	content JSON NOT NULL, 
	PRIMARY KEY (kind, owner_id)
);
INSERT INTO "preferences" VALUES('person',1575830866448351236,'{"size": "wide", "negative_prompt": "text", "format": "webp", "ping": true}');
INSERT INTO "preferences" VALUES('person',1575830866448351237,'{"private": true}');
INSERT INTO "preferences" VALUES('server',1575830866385436674,'{"frames": 16, "steps": 50, "style": "noir"}');
CREATE TABLE registrations (
	application_id BIGINT NOT NULL, 
	commands_hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (application_id)
);
INSERT INTO "registrations" VALUES(1575830866385436672,'fc559d281fa39dcb344373d793ec71e6eebeafdc710ed418170786935049035b');
CREATE TABLE sent_forms (
	nonce VARCHAR(16) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (nonce)
);
INSERT INTO "sent_forms" VALUES('065c503a878c2b45','2026-11-27T11:09:19.422411+00:00');
CREATE INDEX attachments_by_blob ON attachments (blob);
CREATE INDEX jobs_by_user ON jobs (user_id, number);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_output ON jobs (output);
CREATE INDEX jobs_by_parent ON jobs (parent_id);
CREATE INDEX drafts_by_age ON drafts (created_at);
CREATE INDEX drafts_by_blob ON drafts (blob);
CREATE UNIQUE INDEX loras_by_owner ON loras (owner_id, name_key);
CREATE INDEX loras_by_share ON loras (shared, guild_id);
CREATE INDEX loras_by_blob ON loras (blob);
CREATE INDEX favourites_by_job ON favourites (job_id);
CREATE INDEX jobs_by_message ON jobs (message_id);
CREATE INDEX jobs_by_words ON jobs (user_id, number, state, words);
CREATE INDEX edits_by_job ON edits (job_id);
CREATE INDEX brought_by_user ON brought (user_id, kind, created_at);
CREATE INDEX brought_by_age ON brought (created_at);
CREATE INDEX sent_forms_by_age ON sent_forms (created_at);
COMMIT;
