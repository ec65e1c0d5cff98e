//! What templates show, in several languages.

use super::{check, check_all, cleaned, options};
use crate::wikitext::{Site, clean, unknown_templates};

#[test]
fn footnotes_and_unknown_templates_vanish() {
    check_all(
        "en",
        &[
            ("a{{citation needed|date=May 2020}} b", "a b"),
            ("a {{sfn|Smith|2000}}.", "a."),
            ("a {{no such thing|x|y}} b", "a b"),
            ("a {{no such thing}} b", "a b"),
            ("{{Infobox thing\n| name = {{nowrap|x}}\n| y = [[z]]\n}}\n'''A''' is", "A is"),
            ("{{main|Foo}}\na", "a"),
            ("{{unclosed|a\nb", "b"),
            ("a }} b", "a b"),
            ("{{{1|x}}} b", "x b"),
        ],
    );
}

#[test]
fn words_inside_templates_come_back() {
    check_all(
        "en",
        &[
            ("the {{lang|la|mare}} and {{Lang-de|Meer}}", "the mare and German: Meer"),
            ("{{nowrap|1=a = b}}", "a = b"),
            ("{{nowrap|a [[b|c]] {{small|d}}}}", "a c d"),
            ("1990{{ndash}}2000{{snd}} x", "1990–2000 – x"),
            ("{{frac|1|2}} {{frac|3|1|2}} {{frac|4}}", "1/2 3 1/2 1/4"),
            ("{{nihongo|Tokyo|東京|Tōkyō}}", "Tokyo (東京, Tōkyō)"),
            ("{{nihongo||東京|Tōkyō}}", "東京, Tōkyō"),
            ("{{ill|Some One|de|Jemand}} and {{ill|A (b)|fr|C|lt=D}}", "Some One and D"),
            ("{{zh|t=臺北|p=Táiběi}}", "traditional Chinese: 臺北; pinyin: Táiběi"),
            ("{{zh|c=臺北|labels=no}}", "臺北"),
            ("{{formatnum:1234567}} {{lc:ABC}}", "1,234,567 abc"),
            ("{{hlist|a|b|[[c]]}}", "a, b, c"),
            ("{{val|1.5|0.1|u=km}} {{val|2}}", "1.5±0.1 km 2"),
            ("{{Template:nowrap|x}} {{subst:nowrap|y}}", "x y"),
            ("{{flag|Spain}} {{USA}}", "Spain United States"),
            ("{{lang\n| la\n| mare\n}}", "mare"),
            ("{{DEFAULTSORT:Foo}}a{{#tag:ref|x}}", "a"),
            ("a {{'}}b{{'s}}", "a 'b's"),
        ],
    );
}

#[test]
fn rows_of_every_wiki_are_not_undone() {
    check_all(
        "en",
        &[
            (
                "The {{USS|Missouri|BB-63}} and {{HMS|Hood|51}} sailed",
                "The USS Missouri (BB-63) and HMS Hood (51) sailed",
            ),
            ("{{ship|HMCS|Foo|K2}}, {{SS|Titanic}}", "HMCS Foo (K2), SS Titanic"),
            ("{{ship||Foo}}, {{USS|A|B|2}}, {{USS|A|B|6}}, {{USS}}", "Foo, A, USS A,"),
            ("{{ship|HMCS|Foo|K2|6}}, {{ship|HMCS|Foo|K2|2}}", "HMCS Foo, Foo"),
            ("{{GS|U-47|1938}}, {{GS|U-47|1938|2}}", "German submarine U-47 (1938), U-47"),
            ("Hawai{{okina}}i, {{ayin}}Ali", "Hawaiʻi, ʿAli"),
            ("B{{music|flat}} minor, C{{music|#}}, {{music|time|3|4}}", "B♭ minor, C♯, 3/4"),
            ("on {{dts|2010|7|4}}, {{ca.|1300}}", "on July 4, 2010, c. 1300"),
            ("The letter {{angbr|a}}", "The letter ⟨a⟩"),
        ],
    );
    check("ja", "{{USS|Missouri|BB-63}}と", "USS Missouri (BB-63)と");
}

#[test]
fn lists_in_columns_stay() {
    for page in [
        "x\n{{Columns-list|colwidth=20em|\n* [[a]]\n* b\n}}\ny",
        "x\n{{Cast listing|\n* a\n* b\n}}\ny",
        "x\n{{div col}}\n* a\n* b\n{{div col end}}\ny",
        "x\n{{div col|content=\n* a\n* b\n}}\ny",
    ] {
        check("en", page, "x\n\na\nb\n\ny");
    }
    check("es", "x\n{{lista de columnas|2|\n* a\n* b\n}}\ny", "x\n\na\nb\n\ny");
    check("en", "one\n{{div col}}\ntwo\n{{div col end}}", "one\n\ntwo");
    check("en", "{{Unordered list|a|b}}", "a, b");
    check("en", "{{term|Word}}\n{{defn|What it means.}}", "Word\nWhat it means.");
}

#[test]
fn english_rows_show_what_the_page_shows() {
    check_all(
        "en",
        &[
            ("A {{post-nominals|country=GBR|KBE|FRS}} (b", "A KBE FRS (b"),
            ("{{citation needed span|date=May|text=This}} {{cn span|and so}} on", "This and so on"),
            ("{{currency|13 billion|USD}}, {{currency|2|SEK}}", "US$13 billion, SEK2"),
            ("{{INRConvert|100|c}}, {{inrconvert|5}}", "₹100 crore, ₹5"),
            ("{{US patent|123}}, {{patent|GB|12}}", "U.S. patent 123, GB patent 12"),
            ("{{ussc|410|113|1973}}; {{usc|17|107}}", "410 U.S. 113 (1973); 17 U.S.C. § 107"),
            ("{{station link|MTR|Central}}, {{line link|A|B}}", "Central, B"),
            ("{{nuclide|carbon|14}} {{CO2}} {{H2O}}", "carbon-14 CO₂ H₂O"),
            ("in {{by|1998}}, x {{lower|2|y}} {{roman|5}}", "in 1998, x y V"),
            ("a ({{airport codes|JFK|KJFK|JFK}}) b", "a (IATA: JFK, ICAO: KJFK, FAA LID: JFK) b"),
            ("{{airport codes|JFK|KJFK}} is", "(IATA: JFK, ICAO: KJFK) is"),
            (
                "{{flagg|us|Germany}} {{KNA}} {{TPE}}",
                "Germany Saint Kitts and Nevis Chinese Taipei",
            ),
            ("({{lang-rus|Москва}})", "(Russian: Москва)"),
            ("a {{hidden|Head|Body}} b", "a Body b"),
        ],
    );
}

#[test]
fn the_label_of_chinese_is_the_wikis_own() {
    for (lang, wikitext, expected) in [
        ("en", "{{lang-zh|北京}}", "Chinese: 北京"),
        ("es", "{{lang-zh|北京}}, {{lang-ko|서울}}", "en chino: 北京, en coreano: 서울"),
        ("pt", "{{lang-zh|北京}}, {{lang-ko|서울}}", "em chinês: 北京, em coreano: 서울"),
        ("ja", "{{lang-zh|北京}}", "中国語: 北京"),
        ("ko", "{{lang-zh|北京}}", "중국어: 北京"),
        ("th", "{{lang-zh|北京}} {{lang-zh|s=北京}}", "จีน: 北京 จีนตัวย่อ: 北京"),
        ("vi", "{{lang-zh|北京}}", "tiếng Trung: 北京"),
        ("zh", "{{lang-ko|서울}}", "韩语：서울"),
    ] {
        check(lang, wikitext, expected);
    }
    let both = "{{zh|s=北京|t=北京|p=Běijīng|first=t}}";
    check("en", both, "simplified Chinese: 北京; traditional Chinese: 北京; pinyin: Běijīng");
}

#[test]
fn values_keep_their_unit() {
    check_all(
        "en",
        &[
            ("{{convert|12|km|mi}}", "12 km"),
            ("{{cvt|7|–|8|km}}", "7–8 km"),
            ("{{convert|2|to|3|sqmi|km2}}", "2 to 3 sq mi"),
            ("{{convert|5|ft|6|in|m}}", "5 ft 6 in"),
            ("{{convert|510|e6km2}}", "510 million km²"),
            ("{{convert|20|C|F}}", "20 °C"),
            ("{{convert|1,000|m3|abbr=on}}", "1,000 m³"),
            ("{{convert|3|by|4|m}}", "3 by 4 m"),
            ("{{convert|{{nowrap|1}}|km}}", "1"),
        ],
    );
}

#[test]
fn dates_are_spelled_out() {
    check_all(
        "en",
        &[
            ("{{as of|2016}}, x", "As of 2016, x"),
            ("{{As of|2016|7|lc=y}}", "as of July 2016"),
            ("{{as of|2016|7|5}}", "As of 5 July 2016"),
            ("{{as of|2016|since=y}}", "Since 2016"),
            ("{{as of|2016|alt=In 2016}}", "In 2016"),
        ],
    );
    check("vi", "{{tính đến|2016|7|lc=y}} có", "tính đến tháng 7 năm 2016 có");
    check("ja", "{{As of|2016|7}}、", "2016年7月現在、");
}

#[test]
fn dates_follow_the_language() {
    for (lang, wikitext, expected) in [
        ("en", "{{birth date and age|1950|3|5}}", "March 5, 1950"),
        ("en", "{{start date|1950}} {{birth date|5 March 1950}}", "1950 5 March 1950"),
        ("es", "{{fecha|5|3|1950}}", "5 de marzo de 1950"),
        ("pt", "{{dni|5|3|1950|si}}", "5 de março de 1950"),
        ("ja", "{{生年月日と年齢|1950|3|5}}生まれ", "1950年3月5日生まれ"),
        ("ko", "{{출생일|1950|3|5}}", "1950년 3월 5일"),
        ("th", "{{วันเกิดและอายุ|1950|3|5}}", "5 มีนาคม พ.ศ. 2493"),
        ("vi", "{{ngày sinh|1950|3|5}}", "5 tháng 3 năm 1950"),
        ("zh", "{{出生日期|1950|3|5}}", "1950年3月5日"),
        ("ar", "{{تاريخ الميلاد|1950|3|5}}", "5 مارس 1950"),
    ] {
        check(lang, wikitext, expected);
    }
}

#[test]
fn words_are_labelled_with_their_language() {
    for (lang, wikitext, expected) in [
        (
            "en",
            "{{lang-de|Meer}} {{langx|ru|Москва|Moskva}}",
            "German: Meer Russian: Москва, romanized: Moskva",
        ),
        ("en", "{{lang-de|Meer|label=none}} {{lang-zzz|x}}", "Meer x"),
        ("es", "{{lang-de|Meer}}", "en alemán: Meer"),
        ("pt", "{{lang-de|Meer}}", "em alemão: Meer"),
        ("ja", "{{lang-de|Meer}}", "ドイツ語: Meer"),
        ("ko", "{{llang|de|Meer}}", "독일어: Meer"),
        ("th", "{{lang-de|Meer}}", "เยอรมัน: Meer"),
        ("vi", "{{lang-de|Meer}}", "tiếng Đức: Meer"),
        ("zh", "{{lang-de|Meer}}", "德语：Meer"),
    ] {
        check(lang, wikitext, expected);
    }
}

#[test]
fn codes_of_countries_are_names() {
    check_all(
        "ja",
        &[
            ("{{ESP}}と{{GER}}", "スペインとドイツ"),
            ("{{flag|USA}}と{{flag|日本}}", "アメリカ合衆国と日本"),
            ("a {{esp|3}} {{ZZZ}}b", "a ×10³ b"),
        ],
    );
}

#[test]
fn unknown_wrappers_in_a_sentence_show_their_words() {
    check_all(
        "en",
        &[
            ("a {{zzz|some words}} b", "a some words b"),
            ("a {{zzz|[[x|words]]|date=May}} b", "a words b"),
            ("a {{zzz|de|Worte}} b {{zzz|words|fr|Mots}}", "a Worte b words"),
            ("a {{zzz|tt0123}} b {{zzz|x|y}} {{zzz|a=b}}c", "a b c"),
            ("a\n* {{zzz|some words}}\nb", "a\n\nb"),
            ("{{zzz|some words}} b\n* {{zzz|more words}} c", "b\n\nmore words c"),
        ],
    );
}

#[test]
fn redirects_between_templates_are_followed() {
    let site = Site::new("th", &[(10, "แม่แบบ".to_owned())]).with_aliases([
        ("แม่แบบ:ระยะ", "แม่แบบ:Convert"),
        ("Template:Far", "แม่แบบ:ระยะ"),
        ("แม่แบบ:Nowrap", "แม่แบบ:ไม่รู้จัก"),
        ("แม่แบบ:วน", "แม่แบบ:วน"),
        ("Lang", "Convert"),
    ]);
    let page = "{{ระยะ|5|km}} {{far|6|km}} {{ไม่รู้จัก|ก}} {{lang|en|a}} {{วน}}";
    assert_eq!(clean(page, &site, &options()).paragraphs, ["5 km 6 km ก a"]);
}

#[test]
fn a_redirect_that_no_article_could_see_changes_nothing() {
    let site = |aliases: &[(&'static str, &'static str)]| {
        Site::new("th", &[(10, "แม่แบบ".to_owned())]).with_aliases(aliases.iter().copied())
    };
    assert_eq!(site(&[]).aliases(), None);
    for nothing in [
        ("Lang", "Convert"),
        ("Far", "No such one"),
        ("Far", "far"),
        ("", "Convert"),
        ("แม่แบบ:", "Convert"),
        ("Nowrap", "Nobr"),
        ("Cite thing", "Cite web"),
    ] {
        assert_eq!(site(&[nothing]).aliases(), None, "{nothing:?}");
    }
    let far = site(&[("Far", "Convert")]);
    assert!(far.aliases().is_some() && far.knows_template("แม่แบบ:far"));
    assert!(!site(&[]).knows_template("far") && site(&[]).knows_template("Template:Convert"));
    // By another way, and among others that change nothing.
    for same in [
        &[("แม่แบบ:Far", "Near"), ("Near", "convert"), ("Lang", "Far")][..],
        &[("Far", "Convert"), ("Near", "Convert"), ("Other", "None")],
    ] {
        let (one, other) = (site(same), site(&[("far", "Convert"), ("near", "Convert")]));
        assert_eq!(one.aliases(), other.aliases(), "{same:?}");
        assert_ne!(one.aliases(), far.aliases(), "{same:?}");
    }
    assert_ne!(site(&[("Far", "Nowrap")]).aliases(), far.aliases());
}

#[test]
fn of_names_that_differ_in_capitals_the_plain_one_counts() {
    let mut aliases = [("FAR", "Convert"), ("Far", "Nowrap"), ("fAr", "Far"), ("FaR", "Lang")];
    for _ in 0..aliases.len() {
        aliases.rotate_left(1);
        let site = Site::new("en", &[]).with_aliases(aliases);
        assert_eq!(clean("a {{far|5|km}} b", &site, &options()).paragraphs, ["a 5 b"]);
    }
}

#[test]
fn unknown_templates_are_gathered_with_an_example() {
    let page =
        "a {{Zzz_y|1|x}} b<ref>{{no}}</ref>\n{{box\n| a = {{in}}\n}}\n{{nowrap|{{www}}}}{{{1}}}";
    let found = unknown_templates(page, &Site::new("en", &[]));
    let found: Vec<_> =
        found.iter().map(|it| (it.name.as_str(), it.example.as_str(), it.is_inline)).collect();
    let expected = [
        ("zzz y", "{{Zzz_y|1|x}}", true),
        ("box", "{{box | a = {{in}} }}", false),
        ("www", "{{www}}", true),
        ("1", "{{1}}", true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn quotations_are_paragraphs() {
    check("en", "He said:\n{{quote|To be.|author}}\nand left.", "He said:\n\nTo be.\n\nand left.");
    check("es", "Dijo: {{cita|Ser.}} y fue.", "Dijo:\n\nSer.\n\ny fue.");
}

#[test]
fn other_languages_have_their_own_templates() {
    check_all(
        "ja",
        &[
            ("{{仮リンク|独立戦争|en|War}}の", "独立戦争の"),
            ("{{読み仮名|京都|きょうと}}は", "京都（きょうと）は"),
            ("{{要出典範囲|これは|date=2012年}}本{{要出典|date=2012年}}。", "これは本。"),
            ("（{{lang-en-short|Mergui}}）と{{Lang|fr|Paris}}", "（Mergui）とParis"),
            ("{{ルビ|漢字|かんじ}}", "漢字"),
            ("リガ： {{interlang|lv|Rīga|Rīga}}（リーガ）", "リガ： Rīga（リーガ）"),
            ("「{{interlang|en|UKUSA}}」、", "「UKUSA」、"),
            ("名の{{llang|la|Graecia|グラ}}が{{llang|pt|Grécia}}と", "名のGraecia, グラがGréciaと"),
            ("{{lang-pau|Belau}}、{{lang-ko|서울}}", "パラオ語: Belau、朝鮮語: 서울"),
            ("{{flag|Finland}}と{{TPE}}と{{TWN}}", "フィンランドとチャイニーズタイペイと中華民国"),
            ("州\n{{Col|\n* [[甲]]\n* [[乙]]\n|\n* 丙\n}}\n終", "州\n\n甲\n乙\n丙\n\n終"),
        ],
    );
    check_all(
        "ar",
        &[
            ("برلين ({{ألمانية|Berlin}}) مدينة", "برلين (بالألمانية: Berlin) مدينة"),
            ("برلين {{لغة-أل|Berlin}} هي", "برلين (بالألمانية: Berlin) هي"),
            ("س ({{lang-fr|A}}، {{lang-de|B}}) ص", "س (بالفرنسية: A، بالألمانية: B) ص"),
            ("س {{lang-en|Foo}} {{lang-zzz|x}} ص{{lang-en|}}", "س (بالإنجليزية: Foo) (x) ص"),
            ("نص{{بحاجة لمصدر}}.", "نص."),
            ("{{اعتبارا من|2015}} و{{حتى|2015|5}}", "اعتبارا من 2015 وحتى مايو 2015"),
            ("كتب {{اقتباس مضمن|نص}} ثم", "كتب «نص» ثم"),
            ("{{ill|en|Foo|علي}} و{{ill|علي|en|Foo}}", "علي وعلي"),
            ("{{بيت شعر|صدر|عجز}}", "صدر عجز"),
        ],
    );
    check_all(
        "th",
        &[
            ("{{กล่องข้อมูล ช้าง\n| ชื่อ = x\n}}\nช้าง{{ต้องการอ้างอิง}} ใหญ่", "ช้าง ใหญ่"),
            ("{{ลิงก์ต่างภาษา|ชื่อ|en|Name}}", "ชื่อ"),
        ],
    );
    check_all(
        "ko",
        &[
            ("{{llang|de|Berlin}} {{USA}} {{국기나라|영국}}", "독일어: Berlin 미국 영국"),
            ("다.{{주태그|[[가]]는 나다.}} 라 {{국기IOC|KOR}}", "다. 라 대한민국"),
            ("{{도시 정보|a=b}}\n가", "가"),
        ],
    );
    check_all(
        "zh",
        &[
            ("{{link-en|某人|Someone}}和{{tsl|en|Title|题目}}", "某人和题目"),
            ("{{le|某|X}}，{{lang|en|x}}", "某，x"),
            ("{{tsl|ja|A|甲|乙}}和{{tsl|ja|丙||Ding}}，{{le|甲|A|乙}}", "乙和Ding，乙"),
            ("歌手{{jpn|j=初音ミク|rm=Hatsune}}。", "歌手日语：初音ミク Hatsune。"),
        ],
    );
    check_all(
        "pt",
        &[
            ("no {{séc|XIX}}{{carece de fontes}}", "no século XIX"),
            ("em 44 {{AC}}", "em 44 a.C."),
            ("{{PBPE|Irã|Irão}} é", "Irã (português brasileiro) ou Irão (português europeu) é"),
            (
                "{{-séc|V}}, {{EUA}}, {{citar bíblia|João|3|16}}",
                "século V a.C., Estados Unidos, João 3:16",
            ),
        ],
    );
    check_all("es", &[("el {{siglo|XIX}} y {{unidad|5|km}}{{cita requerida}}.", "el XIX y 5 km.")]);
    check_all("vi", &[("{{tiếng Anh|x}} {{cần chú thích}}.", "x.")]);
}

#[test]
fn pages_of_meanings_are_flagged() {
    for (lang, name) in [
        ("en", "Disambiguation"),
        ("en", "hndis"),
        ("en", "disambig|geo"),
        ("ja", "aimai"),
        ("ja", "人名の曖昧さ回避"),
        ("ko", "동음이의어"),
        ("ar", "توضيح"),
        ("th", "แก้กำกวม"),
        ("vi", "định hướng"),
        ("pt", "Desambiguação"),
        ("es", "desambiguación"),
        ("zh", "消歧义"),
    ] {
        assert!(cleaned(lang, &format!("a\n{{{{{name}}}}}")).disambiguation, "{name}");
    }
    assert!(!cleaned("en", "a{{disambiguation needed}}").disambiguation);
}
